"""Code of the user's, which runs inside a program that must not end with it."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import UserCodeError


@contextmanager
def contained() -> Iterator[None]:
    """Turns what would end the program into an error, as the SystemExit of a ``sys.exit()``.

    An attack of the user's that ends the program ends it with the exit code 0, and the examples
    after it would be missing without a word. An interrupt is no error, nor is what a handler of a
    signal raises, as one that ends the program when it is told to terminate: both pass.

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
    """Whether an error was raised by the handler of a signal."""
    handlers = {getattr(signal.getsignal(one), "__code__", None) for one in signal.valid_signals()}
    return any(frame.f_code in handlers for frame, _ in traceback.walk_tb(error.__traceback__))
