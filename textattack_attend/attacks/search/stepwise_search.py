"""Searches that yield questions step by step, and leave it to others to ask the victim."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from textattack.goal_function_results import GoalFunctionResult, GoalFunctionResultStatus
from textattack.search_methods import SearchMethod

from ...errors import InvalidInputError
from ...structures import Structure
from ..goals import Objective
from ..structured_text import StructuredText
from ..transformations import Proposal, StructureTransformation

T = TypeVar("T")


@dataclass(frozen=True)
class Question:
    """The texts that a search wants judged.

    Args:
        texts: texts under structures.
        differentiate: whether the search may ask for the gradient at these texts next.
    """

    texts: list[StructuredText]
    differentiate: bool = False


@dataclass(frozen=True)
class SearchOutcome:
    """The outcome of a search.

    Args:
        result: the first success, or the last structure that was tested.
        candidate_queries: the number of structures that were tested up to the first success.
        gradient_passes: the number of backward passes.
    """

    result: GoalFunctionResult
    candidate_queries: int
    gradient_passes: int


Asking: TypeAlias = Generator[Question, list[GoalFunctionResult], T]
"""A generator that yields questions, is sent their results, and returns a value."""


class SearchedExample(Protocol):
    """An example as a search sees it."""

    @property
    def initial(self) -> GoalFunctionResult:
        """The judged clean text."""

    @property
    def num_gradient_passes(self) -> int:
        """The number of backward passes over the text so far."""

    @property
    def budget_is_spent(self) -> bool:
        """True if no query is left."""

    def turn_to(
        self, transformation: StructureTransformation, objective: Objective, toward: int | None
    ) -> None:
        """Lets another transformation propose, by the gradient of another loss."""

    def propose(self, before: Proposal) -> list[Proposal]:
        """Returns what the transformation proposes next."""

    def margin(self, result: GoalFunctionResult) -> float:
        """Returns how far a result is from the goal; see `StructureGoalFunction.margin`."""


class BudgetSpent(Exception):
    """The query budget ended before the search did."""


class StepwiseSearch(SearchMethod):
    """A search written as a generator of questions, so that many can advance at once."""

    is_black_box = False

    @abstractmethod
    def steps(self, example: SearchedExample) -> Asking[SearchOutcome]:
        """Yields the questions of the search step by step, and returns its outcome."""

    def perform_search(self, initial_result: GoalFunctionResult) -> GoalFunctionResult:
        """Refuses a plain `Attack`, which would not reset counts and known answers.

        Raises:
            InvalidInputError: always.
        """
        raise InvalidInputError(
            f"{type(self).__name__}: expected a StructureAttack around it, which asks its "
            "questions, got an Attack of TextAttack"
        )


def ask(text: StructuredText, structures: Sequence[Structure]) -> Asking[list[GoalFunctionResult]]:
    """Returns a text's results under each structure, or fewer if the query budget is spent."""
    return (yield Question([StructuredText.of(text, structure) for structure in structures]))


def scores(text: StructuredText, structures: Sequence[Structure]) -> Asking[list[float]]:
    """Returns the goal's score of a text under each of the structures.

    Raises:
        BudgetSpent: the query budget does not allow all of them.
    """
    results = yield from ask(text, structures)
    if len(results) < len(structures):
        raise BudgetSpent
    return [result.score for result in results]


def succeeded(result: GoalFunctionResult) -> bool:
    """Returns whether a result reaches the goal."""
    return bool(result.goal_status == GoalFunctionResultStatus.SUCCEEDED)
