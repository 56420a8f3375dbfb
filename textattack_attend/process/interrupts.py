"""Lets SIGINT, which Ctrl-C sends, and SIGTERM, which batch systems send, end a command."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
AGAIN_SECONDS = 0.05
"""The seconds after which an interrupt that was dropped comes again."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Makes each of the signals raise one KeyboardInterrupt, whose argument is its number.

    Python drops an exception that is raised while it deletes objects, and deleting the objects that
    the imports left takes up to a second. An interrupt that was dropped comes again. A signal that
    is ignored stays ignored, as SIGINT in jobs that a shell runs in the background.
    """
    if threading.current_thread() is not threading.main_thread():  # only that one gets signals
        yield
        return
    last: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        last[:] = [number]
        raise KeyboardInterrupt(number)

    def come_again(dropped: Any) -> None:
        if not last or not issubclass(dropped.exc_type, KeyboardInterrupt):
            hook(dropped)
            return
        # It goes to the main thread, which it wakes from a call that waits.
        main = threading.main_thread().ident
        again = threading.Timer(AGAIN_SECONDS, signal.pthread_kill, [main, *last])
        again.daemon = True
        again.start()

    hook = sys.unraisablehook
    ordinary = (signal.SIG_DFL, signal.default_int_handler)
    before = {one: signal.getsignal(one) for one in SIGNALS if signal.getsignal(one) in ordinary}
    try:
        sys.unraisablehook = come_again
        for number in before:
            signal.signal(number, interrupt)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook
