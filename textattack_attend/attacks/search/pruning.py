"""Prunes a structure that reaches the goal to few matrices that still reach it."""

from __future__ import annotations

from collections.abc import Sequence

from textattack.goal_function_results import GoalFunctionResult

from ...structures import Matrix
from .stepwise_search import Asking, ask, succeeded

AT_ONCE = 4
STEPS = 3


def fewest_matrices(
    result: GoalFunctionResult, order: Sequence[Matrix]
) -> Asking[GoalFunctionResult]:
    """Searches for the fewest matrices that reach the goal, of which the first in order are kept.

    Numbers between the largest that failed and the smallest that succeeded are tried, a few in one
    batch; as success need not be monotone, fewer may do. The search ends early if the query budget
    is spent.

    Args:
        result: a success.
        order: the matrices of its structure, the most effective first.
    """
    text = result.attacked_text
    failed, best = 0, len(order)
    for _ in range(STEPS):
        step = (best - failed) / (AT_ONCE + 1)
        sizes = sorted({round(failed + step * i) for i in range(1, AT_ONCE + 1)} - {failed, best})
        asked = [text.structure.only(order[:size]) for size in sizes]
        results = yield from ask(text, asked)
        for size, pruned in zip(sizes, results, strict=False):
            if succeeded(pruned):
                result, best = pruned, size
                break
            failed = size
        if len(results) < len(asked) or not asked:
            break
    return result
