"""Lets a model serve one caller at a time, and keeps sums independent of the number of threads.

Attacks change a model for a moment (see `forwards`) and keep results that they computed with it.
Therefore callers in several threads wait for each other. A plain call of the model does not wait: a
module that is changed for one thread runs its own forward for all others.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from weakref import WeakKeyDictionary

import torch

P = ParamSpec("P")
T = TypeVar("T")


class _Serving(Protocol):
    """An object whose methods use a model."""

    @property
    def model(self) -> Any: ...


S = TypeVar("S", bound=_Serving)

_locks: WeakKeyDictionary[Any, threading.RLock] = WeakKeyDictionary()
_guard = threading.Lock()


def lock_of(owner: object) -> threading.RLock:
    """Returns the reentrant lock of a model, a module or a tokenizer.

    A forked process begins with free locks, because the threads that held them do not exist in it.
    """
    with _guard:
        return _locks.setdefault(owner, threading.RLock())


def one_caller_at_a_time(
    method: Callable[Concatenate[S, P], T],
) -> Callable[Concatenate[S, P], T]:
    """Makes a method wait while another thread uses the object's model."""

    def waiting(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with lock_of(self.model):
            return method(self, *args, **kwargs)

    update_wrapper(waiting, method)
    return waiting


def calls_for(owner: threading.Thread) -> bool:
    """Returns whether the code that runs now works for a thread.

    Code works for a thread in that thread itself, and in the threads in which PyTorch runs a
    backward pass on a device, where layers with gradient checkpoints run again. PyTorch, not
    Python, starts the latter.
    """
    caller = threading.current_thread()
    if caller is owner:
        return True
    not_of_python = isinstance(caller, threading._DummyThread)
    return not_of_python and torch._C._current_graph_task_id() != -1


class _OneThread:
    """Counts the callers that compute on one thread, and restores all threads after the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._threads = 0

    def enter(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._threads = torch.get_num_threads()
                torch.set_num_threads(1)
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                torch.set_num_threads(self._threads)


_one_thread = _OneThread()


@contextmanager
def one_thread() -> Iterator[None]:
    """Makes PyTorch compute on one thread inside the context.

    Kernels split a sum over all threads, so the last bits of a result depend on their number.
    """
    _one_thread.enter()
    try:
        yield
    finally:
        _one_thread.leave()


def _forget_other_threads() -> None:
    """Frees all locks: a forked process has none of the threads that held them."""
    global _guard, _one_thread
    _guard = threading.Lock()
    _locks.clear()
    _one_thread = _OneThread()


if hasattr(os, "register_at_fork"):  # there is no fork on Windows
    os.register_at_fork(after_in_child=_forget_other_threads)
