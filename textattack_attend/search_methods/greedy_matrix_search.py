"""HackAttend's greedy search over layers and heads (paper, Algorithm 1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textattack.goal_function_results import GoalFunctionResult, GoalFunctionResultStatus
from textattack.search_methods import SearchMethod

from ..errors import InvalidInputError
from ..importance import (
    head_probes,
    layer_probes,
    most_important_first,
    require_importance,
)
from ..rankings import generator_for
from ..shared import StructuredText
from ..structures import Matrix, Structure


class _BudgetSpent(Exception):
    """The query budget ended before the search did."""


class GreedyMatrixSearch(SearchMethod):
    """Mask one attention matrix after another, the most important first, until the goal is reached.

    The heads of a layer are evaluated in one batch. The search stops at the first success, and
    ``candidate_queries`` counts up to it; what was evaluated in vain is in ``num_queries``.

    Args:
        max_layers: how many layers are searched; more than the model has means all.
        max_heads: how many heads of each of them.
        importance: "probability" orders layers, and the heads of a layer, by the goal's score when
            all of their units are masked; "random" asks nothing of the victim.
        accumulate: keep the masks of earlier matrices, as the paper's code does; otherwise every
            candidate masks one matrix.
        seed: for ``importance="random"``; None follows TextAttack's ``--random-seed``.

    Raises:
        InvalidInputError: a limit below 1, or an unknown importance.
    """

    is_black_box = False

    def __init__(
        self,
        max_layers: int = 12,
        max_heads: int = 12,
        importance: str = "probability",
        accumulate: bool = True,
        seed: int | None = None,
    ) -> None:
        for name, value in (("max_layers", max_layers), ("max_heads", max_heads)):
            if value < 1:
                raise InvalidInputError(f"{name}: expected at least 1, got {value}")
        require_importance(importance)
        self.max_layers = max_layers
        self.max_heads = max_heads
        self.importance = importance
        self.accumulate = accumulate
        self.seed = seed

    def perform_search(self, initial_result: GoalFunctionResult) -> GoalFunctionResult:
        """The first candidate that reaches the goal, else the last one tested.

        The result carries ``candidate_queries`` and ``gradient_passes``.
        """
        text = initial_result.attacked_text
        last, tested = initial_result, 0
        try:
            masks = self._masks(text)
            for candidates in self._candidates(text, masks, self._ordered_matrices(text)):
                for last in self._evaluate(candidates):
                    tested += 1
                    if last.goal_status == GoalFunctionResultStatus.SUCCEEDED:
                        return self._with_counts(last, tested)
        except _BudgetSpent:
            pass
        return self._with_counts(last, tested)

    def _masks(self, text: StructuredText) -> dict[Matrix, Structure]:
        """The candidate mask of every matrix."""
        candidates = self.get_transformations(text, original_text=text)
        return {c.structure.matrices[0]: c.structure for c in candidates}

    def _ordered_matrices(self, text: StructuredText) -> list[list[Matrix]]:
        """The matrices to mask, layer by layer, in the order of the search."""
        shape = text.structure.shape
        if self.importance == "random":
            generator = generator_for(text.tokenizer_input, self.seed, purpose="importance")
            layers = generator.permutation(shape.layers)[: self.max_layers].tolist()
            heads = [generator.permutation(shape.heads).tolist() for _ in layers]
        else:
            scores = self._scores(text, layer_probes(shape))
            layers = most_important_first(scores)[: self.max_layers]
            scores = self._scores(text, head_probes(shape, layers))
            by_layer = [scores[i : i + shape.heads] for i in range(0, len(scores), shape.heads)]
            heads = [most_important_first(own) for own in by_layer]
        return [
            [(layer, head) for head in own[: self.max_heads]]
            for layer, own in zip(layers, heads, strict=True)
        ]

    def _scores(self, text: StructuredText, probes: Sequence[Structure]) -> list[float]:
        texts = [StructuredText.of(text, probe) for probe in probes]
        return [result.score for result in self._evaluate(texts)]

    def _candidates(
        self, text: StructuredText, masks: dict[Matrix, Structure], order: list[list[Matrix]]
    ) -> Iterator[list[StructuredText]]:
        """The candidates of one layer after the other."""
        kept = text.structure
        for layer in order:
            structures = []
            for matrix in layer:
                structures.append(kept | masks[matrix])
                if self.accumulate:
                    kept = structures[-1]
            yield [StructuredText.of(text, structure) for structure in structures]

    def _evaluate(self, texts: list[StructuredText]) -> Iterator[GoalFunctionResult]:
        results, _ = self.get_goal_results(texts)
        yield from results
        if len(results) < len(texts):
            raise _BudgetSpent

    def _with_counts(self, result: GoalFunctionResult, tested: int) -> GoalFunctionResult:
        result.candidate_queries = tested
        result.gradient_passes = self.goal_function.num_gradient_passes
        return result

    def extra_repr_keys(self) -> list[str]:
        """What TextAttack prints of it."""
        return ["max_layers", "max_heads", "importance", "accumulate"]
