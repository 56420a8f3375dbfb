"""Lanes, the examples under attack side by side, whose questions are answered in one batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from textattack.goal_function_results import GoalFunctionResult, GoalFunctionResultStatus

from ..victims.victim import Victim
from .goals import StructureGoalFunction
from .search import Question, SearchOutcome, StepwiseSearch
from .structured_text import StructuredText

PADDED = 1.2
"""The most that the longest of the texts read together may be longer than the shortest."""


class Lane:
    """One example with its search, which waits for the answer to a question.

    Args:
        text: the clean text.
        goal_function: the goal function of this example alone.
        search_method: the search of this example alone, on that goal function.
        differentiate: whether the search starts from the gradient of the clean text.

    Attributes:
        initial: the result of the clean text.
        outcome: the outcome of the search; None while it is under way.
    """

    initial: GoalFunctionResult

    def __init__(
        self,
        text: StructuredText,
        goal_function: StructureGoalFunction,
        search_method: StepwiseSearch,
        differentiate: bool,
    ) -> None:
        self.text = text
        self.goal_function = goal_function
        self.differentiate = differentiate
        self.outcome: SearchOutcome | None = None
        self._search_method = search_method

    @property
    def rows(self) -> int:
        """The approximate number of tokens of a question, with one structure for every head."""
        shape = self.text.structure.shape
        return shape.heads * shape.tokens

    @property
    def skipped(self) -> bool:
        """True if the clean text reaches the goal already."""
        return bool(self.initial.goal_status == GoalFunctionResultStatus.SKIPPED)

    def begin(self) -> None:
        """Judges the clean text, and begins the search if the text does not reach the goal."""
        label = self.goal_function.ground_truth_output
        self.initial, _ = self.goal_function.init_attack_example(self.text, label)
        if self.skipped:
            self.outcome = SearchOutcome(self.initial, 0, 0)
            return
        self._steps = self._search_method.steps(self.initial)
        self._send(None)

    @property
    def question(self) -> Question:
        """The question that the search waits for, cut off at the query budget."""
        left = self.goal_function.query_budget - self.goal_function.num_queries
        texts = self._question.texts
        return replace(self._question, texts=texts[: int(min(left, len(texts)))])

    def proceed(self) -> None:
        """Answers the question of the search, which goes on to its next one."""
        self._send(self.goal_function.get_results(self._question.texts)[0])

    def _send(self, results: list[GoalFunctionResult] | None) -> None:
        try:
            self._question = self._steps.send(results)  # type: ignore[arg-type]  # None starts it
        except StopIteration as end:
            self.outcome = end.value


def begin(victim: Victim, lanes: Sequence[Lane]) -> None:
    """Reads the texts of new lanes, those of similar length together, and begins the lanes."""
    for group in _of_a_length(lanes):
        texts = [lane.text.tokenizer_input for lane in group]
        losses = [lane.goal_function.loss if lane.differentiate else None for lane in group]
        for lane, reading in zip(group, victim.read(texts, losses), strict=True):
            lane.goal_function.begin(lane.text, reading)
            lane.begin()


def _of_a_length(lanes: Sequence[Lane]) -> Iterator[list[Lane]]:
    """Yields groups of lanes whose texts need little padding."""
    group: list[Lane] = []
    for lane in sorted(lanes, key=lambda lane: lane.rows):
        if group and lane.rows > PADDED * group[0].rows:
            yield group
            group = []
        group.append(lane)
    if group:
        yield group


def advance(victim: Victim, lanes: Sequence[Lane]) -> None:
    """Answers the questions of all lanes together, and lets each go on to its next one."""
    asked = [(lane.goal_function, lane.question) for lane in lanes]
    _evaluate(victim, [pair for pair in asked if not pair[1].differentiate])
    _differentiate(victim, [pair for pair in asked if pair[1].differentiate])
    for lane in lanes:
        lane.proceed()


Asked = Sequence[tuple[StructureGoalFunction, Question]]


def _evaluate(victim: Victim, asked: Asked) -> None:
    pairs = [
        (goal, text.structure)
        for goal, question in asked
        for text in question.texts
        if not goal.knows(text.structure)
    ]
    if pairs:
        logits = victim.logits_from([(goal.reading, structure) for goal, structure in pairs])
        for (goal, structure), own in zip(pairs, logits, strict=True):
            goal.tell(structure, own)


def _differentiate(victim: Victim, asked: Asked) -> None:
    pairs = [(goal, text) for goal, question in asked for text in question.texts]
    if pairs:
        passes = victim.forward_passes(
            [text.tokenizer_input for _, text in pairs],
            [text.structure for _, text in pairs],
            [goal.loss for goal, _ in pairs],
        )
        for (goal, text), done in zip(pairs, passes, strict=True):
            goal.keep(text.structure, done)
