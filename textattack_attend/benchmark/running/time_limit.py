"""Limits the time that an attack spends on an example."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from textattack import Attack
from textattack.goal_functions import GoalFunction

from ...attacks.goals import Judge
from .queries import watch_queries


def limit_seconds(attack: Attack, seconds: float, queries: float) -> None:
    """Lets an attack, of one example at a time, give up on an example once it is late.

    Once its next queries are answered, the attack ends as if its query budget were spent.

    Args:
        attack: the attack, which is changed in place.
        seconds: the seconds for an example, from its first query on.
        queries: the query budget for an example, which TextAttack's attacker would set; it may be
            infinite.
    """
    watch_queries(attack, _TimeLimit(seconds, queries))


class _TimeLimit:
    """Spends the query budget of an example that is late."""

    def __init__(self, seconds: float, queries: float) -> None:
        self._seconds = seconds
        self._queries = queries
        self._late = float("inf")

    def __call__(self, goal_function: GoalFunction, texts: Sequence[Any], judge: Judge) -> Any:
        is_first = goal_function.num_queries == 0
        if is_first:
            goal_function.query_budget = self._queries
        elif time.perf_counter() > self._late:
            # The question is still answered, because a search of TextAttack needs an answer to end.
            asked = goal_function.num_queries + len(texts)
            goal_function.query_budget = min(goal_function.query_budget, asked)
        answer = judge()
        if is_first:
            self._late = time.perf_counter() + self._seconds
        return answer
