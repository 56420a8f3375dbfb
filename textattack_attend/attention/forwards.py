"""Other forwards for a while: how modules of a model are made to do something else, and undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import Any

from torch import nn

Forward = Callable[..., Any]
Change = Callable[[Forward], Forward]
"""From the forward of a module to the one it shall have."""


@contextmanager
def changed_forwards(modules: Sequence[nn.Module], changes: Mapping[int, Change]) -> Iterator[None]:
    """Inside, modules have the forwards that the changes make of theirs.

    Args:
        modules: in the order in which they run; one that is listed n times is called n times in a
            forward pass, and its k-th call has the change of its k-th place.
        changes: by position.
    """
    turns: dict[nn.Module, list[Change | None]] = {}
    for position, module in enumerate(modules):
        turns.setdefault(module, []).append(changes.get(position))
    before = {module: vars(module).get("forward") for module in turns if any(turns[module])}
    try:
        for module in before:
            module.forward = _in_turn(module.forward, turns[module])
        yield
    finally:
        for module, forward in before.items():
            vars(module).pop("forward", None)
            if forward is not None:
                module.forward = forward


def _in_turn(forward: Forward, changes: Sequence[Change | None]) -> Forward:
    """One forward after the other."""
    turn = cycle([forward if change is None else change(forward) for change in changes])

    def in_turn(*args: Any, **kwargs: Any) -> Any:
        return next(turn)(*args, **kwargs)

    return in_turn
