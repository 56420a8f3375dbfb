"""Changed forwards: modules of a model run another forward for a while, and then their own again.

A change holds for one thread. Another thread that calls the module meanwhile runs the module's own
forward, and a thread that wants to change the module as well waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import update_wrapper
from itertools import cycle
from typing import Any

from torch import nn

from .threads import calls_for, lock_of

Forward = Callable[..., Any]
Change = Callable[[Forward], Forward]
"""A function that takes the forward of a module and returns the one to put in its place."""


@contextmanager
def changed_forwards(modules: Sequence[nn.Module], changes: Mapping[int, Change]) -> Iterator[None]:
    """Gives modules other forwards inside the context, and their own back when it ends.

    Args:
        modules: the modules, in the order in which they run; one that is listed n times is called n
            times in a forward pass, and its k-th call has the change of its k-th place.
        changes: the change of each position that has one.
    """
    turns: dict[nn.Module, list[Change | None]] = {}
    for position, module in enumerate(modules):
        turns.setdefault(module, []).append(changes.get(position))
    changed = [module for module in turns if any(turns[module])]
    if not changed:
        yield
        return
    # Lists that share a module begin with the same one, so this lock keeps them apart.
    with lock_of(modules[0]):
        before = {module: vars(module).get("forward") for module in changed}
        try:
            for module, own in before.items():
                module.forward = ForwardInTurn(module.forward, turns[module], own)
            yield
        finally:
            for module, forward in before.items():
                vars(module).pop("forward", None)
                if forward is not None:
                    module.forward = forward


class ForwardInTurn:
    """Runs the changed forwards of a module, call after call, for the thread that changed it.

    Args:
        forward: the module's own forward, for all other threads and for calls without a change.
        changes: the change of each call in a forward pass; None for a call that is not changed.
        before: the forward that was put on the module itself before, if there was one.
    """

    def __init__(
        self, forward: Forward, changes: Sequence[Change | None], before: Forward | None
    ) -> None:
        update_wrapper(self, forward)
        self.before = before
        self._forward = forward
        self._owner = threading.current_thread()
        self._turn = cycle([forward if own is None else own(forward) for own in changes])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the next changed forward, if the call comes from the thread that changed it."""
        own = next(self._turn) if calls_for(self._owner) else self._forward
        return own(*args, **kwargs)
