"""HackAttend's greedy search over layers and heads (paper, Algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from math import ceil
from operator import or_

import numpy as np
from textattack.goal_function_results import GoalFunctionResult

from ...errors import require_seed, require_whole_number, require_yes_or_no
from ...rankings.importance import (
    head_probes,
    layer_probes,
    most_important_first,
    require_importance,
)
from ...rankings.ranking import generator_for
from ...structures import Structure
from ..structured_text import StructuredText
from ..transformations import Proposal
from .stepwise_search import (
    Asking,
    BudgetSpent,
    SearchedExample,
    SearchOutcome,
    StepwiseSearch,
    ask,
    scores,
    succeeded,
)

AT_LEAST = 4
"""The fewest candidates that are evaluated at once, if a layer has as many left."""


class GreedyMatrixSearch(StepwiseSearch):
    """Masks one matrix after another, the most important first, until the goal is reached.

    Heads of a layer are evaluated together, fewer where a success seems near. The search stops at
    the first success, and ``candidate_queries`` counts up to it; ``num_queries`` also counts those
    that were evaluated in vain.

    Args:
        max_layers: the most layers to search; more than the model has means all.
        max_heads: the most heads of each layer to search.
        importance: "probability" orders layers, and the heads of a layer, by the goal's score when
            all of their units are masked; "random" asks nothing of the victim.
        accumulate: whether to keep the masks of earlier matrices, as the paper's code does;
            otherwise every candidate masks one matrix.
        seed: the seed for ``importance="random"``; None follows TextAttack's ``--random-seed``.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    def __init__(
        self,
        max_layers: int = 12,
        max_heads: int = 12,
        importance: str = "probability",
        accumulate: bool = True,
        seed: int | None = None,
    ) -> None:
        require_whole_number("max_layers", max_layers)
        require_whole_number("max_heads", max_heads)
        require_importance(importance)
        require_yes_or_no("accumulate", accumulate)
        require_seed("seed", seed)
        self.max_layers = max_layers
        self.max_heads = max_heads
        self.importance = importance
        self.accumulate = accumulate
        self.seed = seed

    def steps(self, example: SearchedExample) -> Asking[SearchOutcome]:
        """Finds the first candidate that reaches the goal, or returns the last one tested."""
        tested = [example.initial]
        with suppress(BudgetSpent):
            yield from self._search(example, tested)
        return SearchOutcome(tested[-1], len(tested) - 1, example.num_gradient_passes)

    def _search(self, example: SearchedExample, tested: list[GoalFunctionResult]) -> Asking[None]:
        """Appends candidates to the tested ones; a success is the last."""
        text: StructuredText = example.initial.attacked_text
        proposals = example.propose(Proposal(text.structure))
        masks = {own.structure.matrices[0]: own.structure for own in proposals}
        generator = generator_for(text.tokenizer_input, self.seed, purpose="importance")
        kept = text.structure
        for layer in (yield from self._layers(text, generator)):
            heads = yield from self._heads(text, layer, generator)
            # A draw may miss every unit of a matrix. The candidate counts all the same.
            drawn = [masks.get((layer, head), text.structure) for head in heads]
            candidates = self._candidates(kept, drawn)
            kept = candidates[-1] if self.accumulate else kept
            while candidates:
                batch = candidates[: self._how_many(example, tested)]
                candidates = candidates[len(batch) :]
                results = yield from ask(text, batch)
                for result in results:
                    tested.append(result)
                    if succeeded(result):
                        return
                if len(results) < len(batch):
                    raise BudgetSpent

    def _layers(self, text: StructuredText, generator: np.random.Generator) -> Asking[list[int]]:
        """Returns the layers to search, in order."""
        shape = text.structure.shape
        if self.importance == "random":
            order: list[int] = generator.permutation(shape.layers).tolist()
        else:
            order = yield from self._ranked(text, layer_probes(shape))
        return order[: self.max_layers]

    def _heads(
        self, text: StructuredText, layer: int, generator: np.random.Generator
    ) -> Asking[list[int]]:
        """Returns the heads of a layer to mask, in order."""
        shape = text.structure.shape
        if self.importance == "random":
            order: list[int] = generator.permutation(shape.heads).tolist()
        else:
            order = yield from self._ranked(text, head_probes(shape, [layer]))
        return order[: self.max_heads]

    def _ranked(self, text: StructuredText, probes: Sequence[Structure]) -> Asking[list[int]]:
        return most_important_first((yield from scores(text, probes)))

    def _candidates(self, kept: Structure, masks: Sequence[Structure]) -> list[Structure]:
        if self.accumulate:
            return list(accumulate(masks, or_, initial=kept))[1:]
        return [kept | mask for mask in masks]

    def _how_many(self, example: SearchedExample, tested: Sequence[GoalFunctionResult]) -> int:
        """Returns how many candidates to evaluate at once: as many as a success seems to take.

        That is where the line through the first and the last margin reaches zero.
        """
        first, last = example.margin(tested[0]), example.margin(tested[-1])
        fewest = AT_LEAST if self.accumulate else self.max_heads
        if last >= first:
            return self.max_heads if len(tested) > 1 else fewest
        return max(fewest, ceil(last / (first - last) * (len(tested) - 1)))

    def extra_repr_keys(self) -> list[str]:
        """Returns the names of the attributes that TextAttack prints."""
        return ["max_layers", "max_heads", "importance", "accumulate"]
