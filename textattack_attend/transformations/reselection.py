"""The transformation of HackAttend+: mask the top units of all matrices, chosen anew each time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ..errors import require_share, require_whole_number
from ..goal_functions import StructureGoalFunction
from ..rankings import candidate_masks, masking_effect
from ..shared import StructuredText
from ..structures import Budget, Structure
from .structure_transformation import StructureTransformation

AVERAGE, ROUNDS = "reselection_average", "reselection_rounds"
"""Names of `attack_attrs`: the average effect, float32 (L, H, T, T), and the rounds so far."""


class Reselection(StructureTransformation):
    """One candidate: in every matrix the units whose masking has the greatest first-order effect.

    The effect is taken at the structure of the current text, of masked units as of open ones, and
    averaged with what it was in earlier rounds: where all matrices change at once, the gradient at
    one state alone would overshoot. The average travels with the text.

    Args:
        goal_function: whose loss the gradient is taken of.
        budget: which units may be masked and how many of one matrix.
        decay: share of the earlier average in the new one, in [0, 1).
        growth: rounds over which the number of units grows to the budget; 1 for all at once.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    def __init__(
        self,
        goal_function: StructureGoalFunction,
        budget: Budget,
        decay: float = 0.5,
        growth: int = 1,
    ) -> None:
        require_share("decay", decay, "[0, 1)")
        require_whole_number("growth", growth)
        super().__init__(goal_function, budget)
        self.decay = decay
        self.growth = growth

    @property
    def needs_gradient(self) -> bool:
        """Always true."""
        return True

    @property
    def deterministic(self) -> bool:
        """No: what comes next depends on earlier rounds, not on the current text alone."""
        return False

    def _get_transformations(
        self, current_text: StructuredText, indices_to_modify: Iterable[int]
    ) -> list[StructuredText]:
        """The one candidate; word indices have no meaning here."""
        effect = self._effect(current_text)
        before = current_text.attack_attrs.get(AVERAGE, effect)
        damped = self.decay * before + (1 - self.decay) * effect
        candidate = self._candidate(current_text, damped)
        if candidate == current_text:  # where the average stands still, the effect may go on
            candidate = self._candidate(current_text, effect)
        return [candidate]

    def _candidate(self, text: StructuredText, average: npt.NDArray[np.float32]) -> StructuredText:
        shape = text.structure.shape
        rounds = text.attack_attrs.get(ROUNDS, 0) + 1
        masks = candidate_masks(average, shape, self.budget, min(1, rounds / self.growth))
        candidate = StructuredText.of(text, Structure.union(shape, masks.values()))
        candidate.attack_attrs |= {AVERAGE: average, ROUNDS: rounds}
        return candidate

    def _effect(self, text: StructuredText) -> npt.NDArray[np.float32]:
        capture = self.goal_function.capture(text, gradients=True)
        return masking_effect(capture, text.structure).numpy()

    def extra_repr_keys(self) -> list[str]:
        """What TextAttack prints of it."""
        return ["budget", "decay", "growth"]
