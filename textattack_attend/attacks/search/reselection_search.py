"""The search of HackAttend+, over a few rounds on all matrices at once, with pruning after it."""

from __future__ import annotations

from textattack.goal_function_results import GoalFunctionResult

from ...errors import require_whole_number, require_yes_or_no
from ...structures import Matrix
from ..structured_text import StructuredText
from ..transformations.reselection import AVERAGE, GAINS, ROUNDS
from .pruning import fewest_matrices
from .stepwise_search import Asking, Question, SearchOutcome, StepwiseSearch, succeeded


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

    def steps(self, initial_result: GoalFunctionResult) -> Asking[SearchOutcome]:
        """Finds the first success and prunes it, or returns the last candidate tested.

        The candidate queries of the outcome are its rounds.
        """
        last, rounds = initial_result, 0
        while rounds < self.rounds and not succeeded(last):
            text = last.attacked_text
            candidates = self.get_transformations(text, original_text=text)
            if not candidates:
                break  # a fixed point
            results = yield Question(candidates, differentiate=rounds + 1 < self.rounds)
            if not results:
                break
            (last,) = results
            rounds += 1
        last.attacked_text.attack_attrs.pop(AVERAGE, None)  # the largest thing that is kept
        if self.prune and succeeded(last):
            last = yield from fewest_matrices(last, _most_effective(last.attacked_text))
        for name in (ROUNDS, GAINS):
            last.attacked_text.attack_attrs.pop(name, None)
        return SearchOutcome(last, rounds, self.goal_function.num_gradient_passes)

    def extra_repr_keys(self) -> list[str]:
        """Returns the names of the attributes that TextAttack prints."""
        return ["rounds", "prune"]


def _most_effective(text: StructuredText) -> list[Matrix]:
    """Returns the masked matrices, by the effect that their masks were expected to have."""
    gains: dict[Matrix, float] = text.attack_attrs[GAINS]
    return sorted(text.structure.matrices, key=lambda matrix: -gains[matrix])
