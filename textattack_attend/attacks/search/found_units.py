"""The state of a search for the fewest units: what was judged so far, and the best of it."""

from __future__ import annotations

from collections.abc import Sequence

from textattack.goal_function_results import GoalFunctionResult

from ...structures import Structure
from ..structured_text import StructuredText
from ..transformations import Proposal
from .stepwise_search import Asking, BudgetSpent, Question, SearchedExample, ask, succeeded


class FoundUnits:
    """The structures that were judged for an example so far.

    Args:
        example: the example.

    Attributes:
        proposal: the last proposal, from which the next round starts.
        last: the result that was judged last.
        best: the success of the fewest units; None before the first success.
        tested: the number of structures that were tested up to the first success.
    """

    def __init__(self, example: SearchedExample) -> None:
        self.example = example
        self.text: StructuredText = example.initial.attacked_text
        self.proposal = Proposal(self.text.structure)
        self.last = example.initial
        self.best: GoalFunctionResult | None = None
        self.tested = 0

    @property
    def structure(self) -> Structure:
        """The structure of the best success."""
        assert self.best is not None, "nothing reached the goal"
        structure: Structure = self.best.attacked_text.structure
        return structure

    def next_round(self) -> Asking[bool]:
        """Judges what is proposed after the last proposal, and returns whether it succeeds.

        Raises:
            BudgetSpent: the query budget does not allow it.
        """
        (self.proposal,) = self.example.propose(self.proposal)
        candidate = StructuredText.of(self.text, self.proposal.structure)
        results = yield Question([candidate], differentiate=True)
        self._take(results, 1)
        return succeeded(self.last)

    def judge(self, structures: Sequence[Structure]) -> Asking[list[GoalFunctionResult]]:
        """Returns the results of structures, of which the best success is kept.

        Raises:
            BudgetSpent: the query budget does not allow all of them.
        """
        results = yield from ask(self.text, structures)
        self._take(results, len(structures))
        return results

    def _take(self, results: Sequence[GoalFunctionResult], asked: int) -> None:
        for result in results:
            self.tested += self.best is None
            self.last = result
            units = len(result.attacked_text.structure)
            if succeeded(result) and (self.best is None or units < len(self.structure)):
                self.best = result
        if len(results) < asked:
            raise BudgetSpent
