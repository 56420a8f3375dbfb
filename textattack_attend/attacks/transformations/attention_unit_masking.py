"""The transformation of HackAttend, which masks the top units of one attention matrix."""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import require_seed
from ...rankings.candidates import candidate_masks, random_masks
from ...rankings.ranking import RANKINGS, generator_for
from ...structures import Budget, Matrix, Structure
from ..goals import StructureGoalFunction
from ..structured_text import StructuredText
from .structure_transformation import StructureTransformation


class AttentionUnitMasking(StructureTransformation):
    """Makes a candidate for every matrix, which masks its highest-ranked units within the budget.

    Args:
        goal_function: the goal function, whose loss is differentiated.
        budget: the units that may be masked, and their number in a matrix.
        ranking: the order of the units of a matrix; `textattack-attend ls rankings` lists them.
        seed: the seed for ``ranking="random"``; None follows TextAttack's ``--random-seed``.

    Raises:
        InvalidInputError: the ranking is unknown, or the seed is no whole number from 0 on.
    """

    def __init__(
        self,
        goal_function: StructureGoalFunction,
        budget: Budget,
        ranking: str = "probability_gradient",
        seed: int | None = None,
    ) -> None:
        require_seed("seed", seed)
        super().__init__(goal_function, budget)
        self.ranking = ranking
        self._ranked_by = RANKINGS[ranking]
        self.seed = seed

    @property
    def needs_gradient(self) -> bool:
        """True if the transformation needs a backward pass over the text that it starts from."""
        return self._ranked_by.needs_gradient

    def _get_transformations(
        self, current_text: StructuredText, indices_to_modify: Iterable[int]
    ) -> list[StructuredText]:
        """Returns candidates by layer, then head; word indices have no meaning here."""
        structure = current_text.structure
        masks = self._masks(current_text)
        return [StructuredText.of(current_text, structure | mask) for mask in masks.values()]

    def _masks(self, text: StructuredText) -> dict[Matrix, Structure]:
        shape = text.structure.shape
        if self._ranked_by.score is None:
            generator = generator_for(text.tokenizer_input, self.seed)
            return random_masks(shape, self.budget, generator)
        gradients = self.needs_gradient
        return candidate_masks(
            self.ranking,
            lambda visit: self.goal_function.each_layer(text, visit, gradients=gradients),
            shape,
            self.budget,
        )

    def extra_repr_keys(self) -> list[str]:
        """Returns the names of the attributes that TextAttack prints."""
        return ["ranking", "budget"]
