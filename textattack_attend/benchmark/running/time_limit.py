"""Limits the time that an attack spends on an example."""

from __future__ import annotations

import time
from typing import Any

from textattack import Attack


def limit_seconds(attack: Attack, seconds: float, queries: float) -> None:
    """Makes an attack give up on an example when its time is over.

    Once its next queries are answered, the attack ends as if its query budget were spent.

    Args:
        attack: the attack, which is changed in place.
        seconds: the seconds for an example, from its first query on.
        queries: the query budget for an example, which TextAttack's attacker would set; it may be
            infinite.
    """
    goal_function = attack.goal_function
    untimed: Any = type(goal_function)

    class Timed(untimed):
        def init_attack_example(self, *arguments: Any) -> Any:
            self.query_budget = queries
            self._late = float("inf")
            begun = super().init_attack_example(*arguments)
            self._late = time.perf_counter() + seconds
            return begun

        def get_results(self, texts: Any, *arguments: Any, **options: Any) -> Any:
            if time.perf_counter() > self._late:
                # What is asked now is answered: a search of TextAttack's cannot do with nothing.
                self.query_budget = min(self.query_budget, self.num_queries + len(texts))
            return super().get_results(texts, *arguments, **options)

    Timed.__name__ = untimed.__name__
    goal_function.__class__ = Timed  # so that copies of it are timed, too
    attack.search_method.get_goal_results = goal_function.get_results
