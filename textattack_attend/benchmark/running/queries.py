"""Watches the queries of an attack, of this package's or of TextAttack's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textattack import Attack

from ...attacks.goals import QueryWatcher, StructureGoalFunction


def watch_queries(attack: Attack, watcher: QueryWatcher) -> None:
    """Lets a watcher stand between an attack and its goal function.

    Args:
        attack: the attack, which is changed in place.
        watcher: is called instead of the goal function, which it may ask.
    """
    goal_function = attack.goal_function
    if isinstance(goal_function, StructureGoalFunction):  # each example gets a copy of it
        goal_function.watcher = watcher
        return
    original = goal_function.get_results

    def get_results(texts: Sequence[Any], *arguments: Any, **options: Any) -> Any:
        return watcher(goal_function, texts, lambda: original(texts, *arguments, **options))

    goal_function.get_results = get_results
    attack.search_method.get_goal_results = get_results
