"""The budget: which units may be masked, and how many of one matrix."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np
import numpy.typing as npt

from ..errors import InvalidInputError
from .structure import Shape, Structure


@dataclass(frozen=True)
class Budget:
    """At most ``max(1, floor(mask_fraction * n))`` of the n attackable units of a matrix.

    Args:
        mask_fraction: alpha of the paper (section 3.5), in (0, 1].
        spare_first_token: whether the row and the column of the first token stay untouched, if it
            is a special one ([CLS], <s>). The paper does not exclude them, its released code does.

    Raises:
        InvalidInputError: the mask fraction is outside (0, 1].
    """

    mask_fraction: float = 0.01
    spare_first_token: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.mask_fraction <= 1:
            raise InvalidInputError(
                f"mask_fraction: expected a share in (0, 1], got {self.mask_fraction}; "
                "1% of the units is 0.01"
            )

    def attackable(self, shape: Shape, layer: int) -> npt.NDArray[np.bool_]:
        """The attackable units of one matrix of a layer, bool (T, T)."""
        attackable = shape.visible(layer).copy()
        if self.spare_first_token and shape.first_is_special:
            attackable[0, :] = attackable[:, 0] = False
        return attackable

    def units_per_matrix(self, shape: Shape, layer: int) -> int:
        """How many units of a matrix of a layer may be masked, at least 1 if one is attackable."""
        n_attackable = int(self.attackable(shape, layer).sum())
        exact = Fraction(str(self.mask_fraction))  # 0.29 * 100 is 28.999... in binary
        return min(n_attackable, max(1, floor(exact * n_attackable)))

    def allows(self, structure: Structure) -> bool:
        """Whether every matrix of the structure is within the budget."""
        return all(self._allows_in_layer(structure, layer) for layer in structure.layers)

    def _allows_in_layer(self, structure: Structure, layer: int) -> bool:
        attackable = self.attackable(structure.shape, layer).ravel()
        limit = self.units_per_matrix(structure.shape, layer)
        cells = [own for _, own in structure.cells_of_layer(layer)]
        return all(len(c) <= limit and attackable[c].all() for c in cells)
