"""The search of HackAttend-Auto, which runs other searches until one reaches the goal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..goals import Objective
from ..transformations import StructureTransformation
from .stepwise_search import Asking, SearchedExample, SearchOutcome, StepwiseSearch, succeeded


@dataclass(frozen=True)
class Member:
    """A search of an ensemble, and what it searches with.

    Args:
        transformation: proposes structures to the search.
        search: the search.
        objective: the function whose gradient is taken.
        toward_each: whether to search once for each class but the label, by lowering its objective;
            left out where there are two classes, as it is the same there as raising the label's.
    """

    transformation: StructureTransformation
    search: StepwiseSearch
    objective: Objective
    toward_each: bool = False


class EnsembleSearch(StepwiseSearch):
    """Runs its members one after another, each from the clean text, until one reaches the goal.

    So it succeeds wherever any of them does. The query budget is that of all together.

    Args:
        members: the members; the attack begins with the transformation and the objective of the
            first.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = list(members)

    def steps(self, example: SearchedExample) -> Asking[SearchOutcome]:
        """Returns the first success of any member, or the last structure that was tested."""
        last, candidate_queries = example.initial, 0
        for number, (member, toward) in enumerate(self._runs(example)):
            if number:
                example.turn_to(member.transformation, member.objective, toward)
            outcome = yield from member.search.steps(example)
            candidate_queries += outcome.candidate_queries
            if outcome.candidate_queries:
                last = outcome.result
            if succeeded(last) or example.budget_is_spent:
                break
        return SearchOutcome(last, candidate_queries, example.num_gradient_passes)

    def _runs(self, example: SearchedExample) -> Iterator[tuple[Member, int | None]]:
        """Yields the members, each with the class to aim at, None for any but the label."""
        classes = len(example.initial.raw_output)
        others = [n for n in range(classes) if n != example.initial.ground_truth_output]
        for member in self.members:
            if not member.toward_each:
                yield member, None
            elif len(others) > 1:
                yield from ((member, other) for other in others)
