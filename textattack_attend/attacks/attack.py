"""The attack over structures."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from textattack import Attack
from textattack.datasets import Dataset

from ..data.cells import SHOWN
from ..errors import AttendError, InvalidInputError
from ..victims.class_names import class_names
from ..victims.victim import Victim
from .goals import StructureGoalFunction, label_of
from .prefetch import Example, Prefetcher, Text, Waiting
from .results import (
    FailedAttackResult,
    SkippedAttackResult,
    StructureAttackResult,
    SuccessfulAttackResult,
)
from .scheduler import ExampleSearch, advance, begin, timed
from .search import StepwiseSearch
from .search.stepwise_search import succeeded
from .structured_text import StructuredText, attacked_text
from .transformations import StructureTransformation

logger = logging.getLogger(__name__)

SIDE_BY_SIDE = 32
"""The most examples under attack at once, as an interrupt loses the work on all of them."""


class StructureAttack(Attack):
    """A TextAttack `Attack` whose candidates differ by their structure, not by their text.

    A search's claim is not believed: its last structure is checked against the budget and judged
    again by a forward pass that shares nothing with another, which decides. So the result of an
    example does not depend on other computations beside it.

    Args:
        goal_function: the goal, on the victim.
        transformation: the transformation, which proposes masks within the budget.
        search_method: the search, which combines masks.
    """

    def __init__(
        self,
        goal_function: StructureGoalFunction,
        transformation: StructureTransformation,
        search_method: StepwiseSearch,
    ) -> None:
        super().__init__(goal_function, [], transformation, search_method)
        self._prefetcher: Prefetcher | None = None

    def attack(
        self, example: Text, ground_truth_output: int | str | None = None
    ) -> StructureAttackResult:
        """Attacks one text.

        Args:
            example: a text, its columns, or an `AttackedText`.
            ground_truth_output: the class of the text, its number or its name; None for the class
                that the victim predicts.

        Raises:
            InvalidInputError: the text is empty, malformed, or too long for the memory, or the
                label is outside the model's classes.
        """
        prefetcher = self._prefetcher
        if prefetcher is not None and prefetcher.expects(example, ground_truth_output):
            return prefetcher.take()
        text = attacked_text(example)
        label = label_of(self.goal_function.victim, text.tokenizer_input, ground_truth_output)
        return next(self.attack_many([(text, label)]))

    def attack_many(self, examples: Iterable[Example]) -> Iterator[StructureAttackResult]:
        """Attacks texts side by side, as many at once as keep the device busy.

        Results, errors and their order are those of `attack` on one text after another.

        Raises:
            InvalidInputError: `attack` would raise it for an example, or an example is no pair of a
                text and a class.
        """
        waiting = Waiting(examples)
        searches: deque[ExampleSearch] = deque()
        while searches or waiting:
            try:
                self._open(searches, waiting)
                advance(self.goal_function.victim, [one for one in searches if not one.outcome])
            except AttendError:
                if len(searches) <= 1:
                    raise
                alone = [(one.text, one.goal_function.ground_truth_output) for one in searches]
                searches.clear()
                for example in alone:
                    yield from self.attack_many([example])
            while searches and searches[0].outcome:
                search = searches.popleft()
                with timed((search, 1)):
                    result = self._conclude(search)
                result.seconds = search.seconds
                yield result

    @contextmanager
    def looking_ahead(self, examples: Iterable[Example]) -> Iterator[None]:
        """Answers calls of `attack`, in the order of the examples, by `attack_many` inside."""
        self._prefetcher = Prefetcher(examples, self.attack_many)
        try:
            yield
        finally:
            self._prefetcher = None

    def check_dataset(self, dataset: Dataset, positions: range) -> None:
        """Refuses a dataset with an example that cannot be attacked, before anything is run.

        Raises:
            InvalidInputError: a text is empty, or a label is outside the model's classes; the
                message names the place.
        """
        for position in positions:
            columns, label = dataset[position]
            try:
                require_attackable(self.goal_function, columns, label)
            except InvalidInputError as error:
                raise InvalidInputError(f"example {position} of the dataset: {error}") from error

    def _open(self, searches: deque[ExampleSearch], waiting: Waiting) -> None:
        """Begins with examples until there is enough to do."""
        victim = self.goal_function.victim
        enough = victim.engine.rows_at_once
        rows = sum(search.rows for search in searches if not search.outcome)
        if rows > enough // 2:
            return  # texts that are read together cost less
        new: list[ExampleSearch] = []
        while waiting and len(searches) + len(new) < SIDE_BY_SIDE and (rows == 0 or rows < enough):
            try:
                search = self._search(*_pair(waiting.first()))
            except AttendError:
                if searches or new:
                    break  # its turn to be complained of comes when these are done
                raise
            if not victim.memory.fit(one.text.structure.shape for one in (*searches, *new, search)):
                break
            waiting.take()
            new.append(search)
            rows += search.rows
        searches.extend(new)
        begin(self.goal_function.victim, new)

    def _search(self, example: Text, label: int) -> ExampleSearch:
        """Prepares the search of an example, which shares nothing with that of another."""
        victim, text = self.goal_function.victim, attacked_text(example)
        encoded = victim.inputs.encoded(text.tokenizer_input)
        empty = victim.empty_structure(encoded)
        victim.memory.require(empty.shape)
        return ExampleSearch(
            _with_names(StructuredText.of(text, empty), victim),
            encoded,
            self.goal_function.for_example(text.tokenizer_input, label),
            self.transformation,
            self.search_method,
        )

    def _conclude(self, search: ExampleSearch) -> StructureAttackResult:
        initial, outcome = search.initial, search.outcome
        assert outcome is not None, "its search is under way"
        wrapper = self.goal_function.model
        tokens = wrapper.victim.tokens(search.encoded)
        if search.skipped:
            return SkippedAttackResult(initial, initial, tokens, wrapper=wrapper)
        final: StructuredText = outcome.result.attacked_text
        if not self.transformation.budget.allows(final.structure):
            raise AssertionError(f"the search left its budget: {final.structure}")
        judged = search.goal_function.judged_again(final, search.encoded)
        counts = outcome.candidate_queries, outcome.gradient_passes
        if succeeded(judged):
            return SuccessfulAttackResult(initial, judged, tokens, *counts, wrapper)
        failed = FailedAttackResult(initial, judged, tokens, *counts, wrapper)
        failed.unconfirmed = succeeded(outcome.result)
        if failed.unconfirmed:
            logger.warning("a success did not survive a fresh forward pass; counted as failed")
        return failed


def require_attackable(goal_function: StructureGoalFunction, example: Text, label: int) -> None:
    """Refuses an example that cannot be attacked.

    Args:
        goal_function: the goal, on the victim.
        example: a text, its columns, or an `AttackedText`.
        label: the class of the example.

    Raises:
        InvalidInputError: the text is empty, malformed, or too long for the memory, or the label is
            outside the model's classes.
    """
    text = attacked_text(example).tokenizer_input
    goal_function.require_labels(text, label)
    goal_function.victim.memory.require(goal_function.victim.empty_structure(text).shape)


def _with_names(text: StructuredText, victim: Victim) -> StructuredText:
    """Returns a text that carries the names of classes, which results show; its own come first."""
    names = class_names(victim.model)
    if names and not text.attack_attrs.get("label_names"):
        text.attack_attrs["label_names"] = list(names)
    return text


def _pair(example: Any) -> Example:
    if not isinstance(example, tuple) or len(example) != 2:
        raise InvalidInputError(
            f"example {repr(example)[:SHOWN]}: expected a pair of a text and its class"
        )
    return example
