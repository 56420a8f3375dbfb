"""The search of HackAttend+, over a few rounds on all matrices at once, with pruning after it."""

from __future__ import annotations

from ...errors import require_whole_number, require_yes_or_no
from ...structures import Matrix
from ..structured_text import StructuredText
from ..transformations import Proposal
from .pruning import fewest_matrices
from .stepwise_search import (
    Asking,
    Question,
    SearchedExample,
    SearchOutcome,
    StepwiseSearch,
    succeeded,
)


class ReselectionSearch(StepwiseSearch):
    """Follows the transformation's candidate, round by round, until the goal is reached.

    Args:
        rounds: the largest number of rounds.
        prune: whether a success is then reduced to few matrices.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    def __init__(self, rounds: int = 15, prune: bool = True) -> None:
        require_whole_number("rounds", rounds)
        require_yes_or_no("prune", prune)
        self.rounds = rounds
        self.prune = prune

    def steps(self, example: SearchedExample) -> Asking[SearchOutcome]:
        """Finds the first success and prunes it, or returns the last candidate tested.

        The candidate queries of the outcome are its rounds.
        """
        last, proposal = example.initial, Proposal(example.initial.attacked_text.structure)
        rounds = 0
        while rounds < self.rounds and not succeeded(last):
            proposals = example.propose(proposal)
            if not proposals:
                break  # a fixed point
            (proposal,) = proposals
            candidate = StructuredText.of(last.attacked_text, proposal.structure)
            results = yield Question([candidate], differentiate=rounds + 1 < self.rounds)
            if not results:
                break
            (last,) = results
            rounds += 1
        proposal.effects.clear()  # the largest thing that is kept
        if self.prune and succeeded(last):
            last = yield from fewest_matrices(last, _most_effective(proposal))
        return SearchOutcome(last, rounds, example.num_gradient_passes)

    def extra_repr_keys(self) -> list[str]:
        """Returns the names of the attributes that TextAttack prints."""
        return ["rounds", "prune"]


def _most_effective(proposal: Proposal) -> list[Matrix]:
    """Returns the masked matrices, by the effect that their masks were expected to have."""
    return sorted(proposal.structure.matrices, key=lambda matrix: -proposal.gains[matrix])
