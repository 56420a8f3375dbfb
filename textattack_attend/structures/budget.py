"""The budget: which units may be masked, and how many of one matrix."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np
import numpy.typing as npt

from ..errors import require_one_of, require_share, require_yes_or_no
from .shape import Shape
from .structure import Cells, Structure

CHOICE_BUDGETS = ("per_matrix", "released")


def units_within(share: float, units: int | Fraction) -> int:
    """Counts the units of a share, rounded down, but 1 at least; a share is the decimal it shows.

    Args:
        share: a number in [0, 1].
        units: the number of units that there are.
    """
    return max(1, floor(Fraction(str(share)) * units))  # 0.29 * 100 is 28.999... in binary


@dataclass(frozen=True)
class Budget:
    """Allows at most ``max(1, floor(mask_fraction * n))`` of a matrix's n attackable units.

    Args:
        mask_fraction: alpha of the paper (section 3.5), in (0, 1].
        spare_first_token: whether the row and the column of the first token stay untouched, if it
            is a special one ([CLS], <s>, a decoder's start token). The paper does not exclude them,
            its released code does.
        choice_budget: the way to count n for multiple choice, where each choice has a matrix of its
            own: "per_matrix" counts the units of that matrix, "released" counts as the released
            code: n is the square of all choices' lengths together, without spared first tokens,
            over their number, and every choice is masked wherever one is.

    Raises:
        InvalidInputError: an option is outside its range.
    """

    mask_fraction: float = 0.01
    spare_first_token: bool = True
    choice_budget: str = "per_matrix"

    def __post_init__(self) -> None:
        require_share("mask_fraction", self.mask_fraction, "(0, 1]", hint="1% of the units is 0.01")
        require_yes_or_no("spare_first_token", self.spare_first_token)
        require_one_of("choice_budget", self.choice_budget, CHOICE_BUDGETS)

    def attackable(self, shape: Shape, layer: int) -> npt.NDArray[np.bool_]:
        """Returns the attackable units of one head of a layer, bool (T, T)."""
        attackable = shape.visible(layer).copy()
        if self.spare_first_token:
            first = [span.start for span in shape.spans]
            reach = shape.reach_of(layer)
            if reach.decoder_queries or shape.first_is_special:
                attackable[first, :] = False
            if reach.decoder_keys or shape.first_is_special:
                attackable[:, first] = False
        return attackable

    def cells(self, shape: Shape, layer: int) -> Cells:
        """Returns the attackable cells ``query * T + key`` of one head of a layer, in order."""
        return np.flatnonzero(self.attackable(shape, layer)).astype(np.int32)

    def units_per_matrix(self, shape: Shape, layer: int) -> list[int]:
        """Returns the number of units that may be chosen in the matrix of each sequence.

        It is at least 1 if any unit is attackable.
        """
        attackable = self.attackable(shape, layer)
        counts = [int(attackable[span, span].sum()) for span in shape.spans]
        if self.choice_budget == "released" and shape.sequences:
            # The code puts zeros into the rows of [CLS] before it counts.
            spared = len(counts) if self.spare_first_token and shape.first_is_special else 0
            share = Fraction((shape.tokens - spared) ** 2, len(counts))
            return [min(n, units_within(self.mask_fraction, share)) for n in counts]
        return [min(n, units_within(self.mask_fraction, n)) for n in counts]

    def joins_choices(self, shape: Shape) -> bool:
        """Returns whether units that are chosen in one sequence are masked in all of them."""
        return self.choice_budget == "released" and bool(shape.sequences)

    def allows(self, structure: Structure) -> bool:
        """Returns whether every matrix of the structure is within the budget."""
        return all(self._allows_in_layer(structure, layer) for layer in structure.layers)

    def _allows_in_layer(self, structure: Structure, layer: int) -> bool:
        shape = structure.shape
        attackable = self.attackable(shape, layer).ravel()
        limits = self.units_per_matrix(shape, layer)
        if self.joins_choices(shape):
            limits = [sum(limits)] * len(limits)
        every = [own for _, own in structure.cells_of_layer(layer)]
        within = all(
            len(own) <= limit
            for part, limit in zip(structure.parts, limits, strict=True)
            for _, own in part.cells_of_layer(layer)
        )
        return within and all(attackable[own].all() for own in every)
