"""The base class of the transformations over structures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from textattack.transformations import Transformation

from ...attention import Visit
from ...data.texts import Text
from ...errors import InvalidInputError
from ...structures import Budget, Matrix, Structure

EachLayer = Callable[[Visit], None]
"""Shows the attention of a text layer by layer, see `ForwardPass.each_layer`."""
Effects = dict[int, npt.NDArray[np.float32]]
"""The effect of masking each attackable unit of a layer, (H, n), ordered as by `Budget.cells`."""


@dataclass(frozen=True)
class Proposal:
    """A structure that a transformation proposes, and what it knows for the next round.

    Args:
        structure: the structure.
        rounds: the number of rounds of proposals that led to it.
        effects: the average effects by which its units were chosen. The next round takes them away
            layer by layer, as a long text has no room for two.
        gains: the sum of the average effects of the masked units, by matrix.
        units: the number of units that the next proposal masks in the whole model, where it has one
            budget for all matrices.
    """

    structure: Structure
    rounds: int = 0
    effects: Effects = field(default_factory=dict)
    gains: dict[Matrix, float] = field(default_factory=dict)
    units: int = 0


class StructureTransformation(Transformation):
    """Proposes structures within a budget.

    Args:
        budget: the units that may be masked, and their number in a matrix.
    """

    is_black_box = False

    def __init__(self, budget: Budget) -> None:
        self.budget = budget

    @property
    @abstractmethod
    def needs_gradient(self) -> bool:
        """True if the transformation needs gradients, and so starts from that at the clean text."""

    @abstractmethod
    def propose(self, text: Text, before: Proposal, each_layer: EachLayer) -> list[Proposal]:
        """Proposes structures other than the one before.

        Args:
            text: the text.
            before: the proposal to start from; it can be started from once.
            each_layer: shows the attention of the text under the structure before, layer by layer,
                with the gradient of the goal if the transformation needs it.
        """

    def _get_transformations(self, current_text: Any, indices_to_modify: Iterable[int]) -> Any:
        """Refuses to serve a plain `Attack` of TextAttack, which shows no attention.

        Raises:
            InvalidInputError: always.
        """
        raise InvalidInputError(
            f"{type(self).__name__}: expected a StructureAttack around it, which shows it the "
            "attention, got an Attack of TextAttack"
        )
