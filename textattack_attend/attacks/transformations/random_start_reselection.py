"""The transformation of HackAttend+ from a random start."""

from __future__ import annotations

from ...data.texts import Text
from ...rankings.candidates import drawn_masks
from ...rankings.random import drawn_cells
from ...rankings.ranking import generator_for
from ...structures import Budget, Structure
from .reselection import Reselection
from .structure_transformation import EachLayer, Proposal


class RandomStartReselection(Reselection):
    """Makes a random candidate first, from which `Reselection` goes on.

    Args:
        budget: the units that may be masked, and their number in a matrix.
        seed: the seed of the draw, which also depends on the text.
    """

    def __init__(self, budget: Budget, seed: int) -> None:
        super().__init__(budget)
        self.seed = seed

    def propose(self, text: Text, before: Proposal, each_layer: EachLayer) -> list[Proposal]:
        """Proposes one structure, or none where the one before would be chosen again."""
        if before.rounds:
            return super().propose(text, before, each_layer)
        shape = before.structure.shape
        generator = generator_for(text, self.seed, "start")
        masks = drawn_masks(drawn_cells, shape, self.budget, generator)
        found = Structure.union(shape, masks.values())
        return [Proposal(found, rounds=1, gains=dict.fromkeys(found.matrices, 0.0))]
