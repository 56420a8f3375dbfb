"""Keeps code of the user's from ending the program that runs it."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import UserCodeError


@contextmanager
def contained() -> Iterator[None]:
    """Turns an exception that would end the program, as that of ``sys.exit()``, into an error.

    An attack of the user's that ends the program may do so with the exit code 0, and the examples
    after it would be missing without a word. Two kinds of exceptions pass: interrupts, and those
    that the handler of a signal raises, for example to end a program that is told to terminate.

    Raises:
        UserCodeError: the code inside raised something that is no `Exception`.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        if _is_of_a_signal(error):
            raise
        said = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
        raise UserCodeError(
            f"expected code that lets the program go on, got {said}; let it raise an Exception "
            "instead, or return"
        ) from error


def _is_of_a_signal(error: BaseException) -> bool:
    """Returns whether the handler of a signal raised an error."""
    handlers = {getattr(signal.getsignal(one), "__code__", None) for one in signal.valid_signals()}
    return any(frame.f_code in handlers for frame, _ in traceback.walk_tb(error.__traceback__))
