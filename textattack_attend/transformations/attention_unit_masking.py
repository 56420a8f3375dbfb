"""The transformation of HackAttend: mask the top units of one attention matrix."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ..errors import require_seed
from ..goal_functions import StructureGoalFunction
from ..rankings import (
    GRADIENT_RANKINGS,
    candidate_masks,
    generator_for,
    random_scores,
    rank,
    require_ranking,
)
from ..shared import StructuredText
from ..structures import Budget
from .structure_transformation import StructureTransformation


class AttentionUnitMasking(StructureTransformation):
    """One candidate for every (layer, head): its highest-ranked units masked, within the budget.

    Args:
        goal_function: whose loss the gradient is taken of.
        budget: which units may be masked and how many of one matrix.
        ranking: how the units of a matrix are ordered; see `textattack_attend.rankings`.
        seed: for ``ranking="random"``; None follows TextAttack's ``--random-seed``.

    Raises:
        InvalidInputError: the ranking is unknown, or the seed is none.
    """

    def __init__(
        self,
        goal_function: StructureGoalFunction,
        budget: Budget,
        ranking: str = "probability_gradient",
        seed: int | None = None,
    ) -> None:
        require_ranking(ranking)
        require_seed("seed", seed)
        super().__init__(goal_function, budget)
        self.ranking = ranking
        self.seed = seed

    @property
    def needs_gradient(self) -> bool:
        """Whether it takes a backward pass over the text that it starts from."""
        return self.ranking in GRADIENT_RANKINGS

    def _get_transformations(
        self, current_text: StructuredText, indices_to_modify: Iterable[int]
    ) -> list[StructuredText]:
        """Candidates by layer, then head; word indices have no meaning here."""
        structure = current_text.structure
        masks = candidate_masks(self._scores(current_text), structure.shape, self.budget)
        return [StructuredText.of(current_text, structure | mask) for mask in masks.values()]

    def _scores(self, text: StructuredText) -> npt.NDArray[np.float32]:
        if self.ranking == "random":
            generator = generator_for(text.tokenizer_input, self.seed)
            return random_scores(text.structure.shape, generator)
        capture = self.goal_function.capture(text, gradients=self.needs_gradient)
        return rank(self.ranking, capture, text.structure.shape, self.budget)

    def extra_repr_keys(self) -> list[str]:
        """What TextAttack prints of it."""
        return ["ranking", "budget"]
