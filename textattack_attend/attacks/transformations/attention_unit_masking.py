"""The transformation of HackAttend, which masks the top units of one attention matrix."""

from __future__ import annotations

from ...data.texts import Text
from ...errors import require_seed
from ...rankings.candidates import candidate_masks, drawn_masks
from ...rankings.ranking import RANKINGS, generator_for
from ...structures import Budget, Matrix, Shape, Structure
from .structure_transformation import EachLayer, Proposal, StructureTransformation


class AttentionUnitMasking(StructureTransformation):
    """Makes a candidate for every matrix, which masks its highest-ranked units within the budget.

    Args:
        budget: the units that may be masked, and their number in a matrix.
        ranking: the order of the units of a matrix; `textattack-attend ls rankings` lists them.
        seed: the seed of rankings that draw; None follows TextAttack's ``--random-seed``.

    Raises:
        InvalidInputError: the ranking is unknown, or the seed is no whole number from 0 on.
    """

    def __init__(
        self,
        budget: Budget,
        ranking: str = "probability_gradient",
        seed: int | None = None,
    ) -> None:
        require_seed("seed", seed)
        super().__init__(budget)
        self.ranking = ranking
        self._ranked_by = RANKINGS[ranking]
        self.seed = seed

    @property
    def needs_gradient(self) -> bool:
        """True if the transformation needs a backward pass over the text that it starts from."""
        return self._ranked_by.needs_gradient

    def propose(self, text: Text, before: Proposal, each_layer: EachLayer) -> list[Proposal]:
        """Proposes one structure for every matrix, by layer, then head."""
        masks = self._masks(text, before.structure.shape, each_layer)
        structures = [before.structure | mask for mask in masks.values()]
        return [Proposal(structure) for structure in structures if structure != before.structure]

    def _masks(self, text: Text, shape: Shape, each_layer: EachLayer) -> dict[Matrix, Structure]:
        if draw := self._ranked_by.draw:
            return drawn_masks(draw, shape, self.budget, generator_for(text, self.seed))
        return candidate_masks(self.ranking, each_layer, shape, self.budget)

    def extra_repr_keys(self) -> list[str]:
        """Returns the names of the attributes that TextAttack prints."""
        return ["ranking", "budget"]
