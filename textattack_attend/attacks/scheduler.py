"""The scheduler: examples are attacked side by side, and asked about in one batch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch
from textattack.goal_function_results import GoalFunctionResult, GoalFunctionResultStatus
from torch import Tensor

from ..attention import ForwardPass, Loss, Visit
from ..structures import Structure
from ..victims.encoding import EncodedText
from ..victims.victim import CleanPass, Victim
from .goals import Objective, StructureGoalFunction
from .search import Question, SearchOutcome, StepwiseSearch
from .structured_text import StructuredText
from .transformations import Proposal, StructureTransformation

PADDED = 1.2
"""The most that the longest of the texts read together may be longer than the shortest."""


class ExampleSearch:
    """One example under attack: its search, and what the victim has answered of it so far.

    Args:
        text: the clean text.
        encoded: the clean text as the model reads it.
        goal_function: the goal for this example alone.
        transformation: proposes structures to the search.
        search_method: says what it wants judged next.

    Attributes:
        initial: the clean text, judged.
        outcome: the outcome of the search; None while it is under way.
        num_gradient_passes: the number of backward passes over the text so far.
        seconds: the time of the attack so far; of steps that examples share, its share.
    """

    initial: GoalFunctionResult

    def __init__(
        self,
        text: StructuredText,
        encoded: EncodedText,
        goal_function: StructureGoalFunction,
        transformation: StructureTransformation,
        search_method: StepwiseSearch,
    ) -> None:
        self.text = text
        self.encoded = encoded
        self.goal_function = goal_function
        self.outcome: SearchOutcome | None = None
        self.num_gradient_passes = 0
        self.seconds = 0.0
        self._transformation = transformation
        self._loss: Loss = goal_function.loss
        self._search_method = search_method
        self._logits: dict[Structure, Tensor] = {}
        self._passes: dict[Structure, ForwardPass] = {}

    @property
    def rows(self) -> int:
        """The approximate number of tokens of a question, with one structure for every head."""
        shape = self.text.structure.shape
        return shape.heads * shape.tokens

    @property
    def skipped(self) -> bool:
        """True if the clean text reaches the goal already."""
        return bool(self.initial.goal_status == GoalFunctionResultStatus.SKIPPED)

    @property
    def first_loss(self) -> Loss | None:
        """The loss to differentiate at the clean text, if the search starts from its gradient."""
        return self._loss if self._transformation.needs_gradient else None

    @property
    def loss(self) -> Loss:
        """The loss whose gradient the transformation sees."""
        return self._loss

    def begin(self, clean_pass: CleanPass) -> None:
        """Judges the clean text, and begins to search if the goal is not reached by it.

        Its logits are those of the text alone: the clean pass shares a batch with other texts.
        """
        self.clean_pass = clean_pass
        logits = self.goal_function.victim.logits_alone(self.encoded)
        self.keep(self.text.structure, logits, clean_pass.forward_pass)
        self.initial, _ = self.goal_function.init_attack_example(
            self.text, self.goal_function.ground_truth_output, logits[None]
        )
        if self.skipped:
            self.outcome = SearchOutcome(self.initial, 0, 0)
            self._passes.clear()
            return
        self._steps = self._search_method.steps(self)
        self._send(None)

    def knows(self, structure: Structure) -> bool:
        """Returns whether the logits under a structure are known."""
        return structure in self._logits

    def keep(
        self, structure: Structure, logits: Tensor, forward_pass: ForwardPass | None = None
    ) -> None:
        """Keeps logits (C,), and a forward pass, which is large, until the search goes on."""
        self._logits[structure] = logits
        if forward_pass is not None:
            self._passes = {structure: forward_pass}

    @property
    def budget_is_spent(self) -> bool:
        """True if no query is left."""
        return bool(self.goal_function.num_queries >= self.goal_function.query_budget)

    def turn_to(
        self, transformation: StructureTransformation, objective: Objective, toward: int | None
    ) -> None:
        """Lets another transformation propose, by the gradient of another loss; see `Objective`.

        Args:
            transformation: the transformation.
            objective: the function whose gradient is taken.
            toward: the class whose objective is lowered; None to raise that of the label.
        """
        self._transformation = transformation
        self._loss = self.goal_function.loss_by(objective, toward)
        self._passes.clear()

    def propose(self, before: Proposal) -> list[Proposal]:
        """Returns what the transformation proposes next."""
        return self._transformation.propose(
            self.text.tokenizer_input, before, partial(self._each_layer, before.structure)
        )

    def margin(self, result: GoalFunctionResult) -> float:
        """Returns how far a result is from the goal."""
        return self.goal_function.margin(result)

    @property
    def question(self) -> Question:
        """The question that the search waits for, cut off at the query budget."""
        left = self.goal_function.query_budget - self.goal_function.num_queries
        texts = self._question.texts
        return replace(self._question, texts=texts[: int(min(left, len(texts)))])

    def proceed(self) -> None:
        """Judges what was asked for, and searches on to the next question."""
        texts = self.question.texts
        logits = torch.stack([self._logits[text.structure] for text in texts]) if texts else None
        self._send(self.goal_function.get_results(texts, logits=logits)[0])

    def _each_layer(self, structure: Structure, visit: Visit) -> None:
        """Shows the attention under a structure, layer by layer; a gradient pass is counted."""
        needs_gradient = self._transformation.needs_gradient
        self.num_gradient_passes += needs_gradient
        known = self._passes.pop(structure, None)
        if known is None:
            loss = self._loss if needs_gradient else None
            (known,) = self.goal_function.victim.forward_passes([self.encoded], [structure], [loss])
        known.each_layer(visit)

    def _send(self, results: list[GoalFunctionResult] | None) -> None:
        try:
            self._question = self._steps.send(results)  # type: ignore[arg-type]  # None starts it
        except StopIteration as end:
            self.outcome = end.value
        self._passes.clear()  # a search looks at a pass before it asks again, or not at all


def begin(victim: Victim, searches: Sequence[ExampleSearch]) -> None:
    """Reads the texts of new examples, those of about the same length together, and begins."""
    for group in _of_a_length(searches):
        texts = [search.encoded for search in group]
        with timed(*((search, search.rows) for search in group)):
            clean_passes = victim.read(texts, [search.first_loss for search in group])
        for search, clean_pass in zip(group, clean_passes, strict=True):
            with timed((search, 1)):
                search.begin(clean_pass)


@contextmanager
def timed(*shares: tuple[ExampleSearch, float]) -> Iterator[None]:
    """Adds the time inside to that of examples, to each in proportion to its share of the work."""
    since = time.perf_counter()
    yield
    seconds = time.perf_counter() - since
    total = sum(share for _, share in shares)
    for search, share in shares:
        search.seconds += seconds * share / total


def _of_a_length(searches: Sequence[ExampleSearch]) -> Iterator[list[ExampleSearch]]:
    """Yields groups in which little is padded."""
    group: list[ExampleSearch] = []
    for search in sorted(searches, key=lambda search: search.rows):
        if group and search.rows > PADDED * group[0].rows:
            yield group
            group = []
        group.append(search)
    if group:
        yield group


def advance(victim: Victim, searches: Sequence[ExampleSearch]) -> None:
    """Answers what the searches ask, together, and lets each go on to its next question."""
    asked = [(search, search.question) for search in searches]
    for answer, differentiate in ((_evaluate, False), (_differentiate, True)):
        own = [pair for pair in asked if pair[1].differentiate == differentiate]
        if not own:
            continue
        with timed(*((search, search.rows * (1 + len(q.texts))) for search, q in own)):
            answer(victim, own)
    for search in searches:
        with timed((search, 1)):
            search.proceed()


Asked = Sequence[tuple[ExampleSearch, Question]]


def _evaluate(victim: Victim, asked: Asked) -> None:
    pairs = [
        (search, text.structure)
        for search, question in asked
        for text in question.texts
        if not search.knows(text.structure)
    ]
    if pairs:
        logits = victim.logits_from([(search.clean_pass, structure) for search, structure in pairs])
        for (search, structure), own in zip(pairs, logits, strict=True):
            search.keep(structure, own)


def _differentiate(victim: Victim, asked: Asked) -> None:
    pairs = [(search, text) for search, question in asked for text in question.texts]
    if pairs:
        passes = victim.forward_passes(
            [search.encoded for search, _ in pairs],
            [text.structure for _, text in pairs],
            [search.loss for search, _ in pairs],
        )
        for (search, text), done in zip(pairs, passes, strict=True):
            search.keep(text.structure, done.logits.float().cpu(), done)
