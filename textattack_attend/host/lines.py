"""Ends TextAttack's command line with one line and an exit code instead of a traceback.

The user can mend an error that occurs while an attack is set up, so a line is attached to it. Its
type stays the same, so that programs and TextAttack's other commands see no difference.
An error of the attack itself keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..checkpoints.custom_code import never_asking
from ..errors import AttendError, CustomCodeError, UserCodeError, reason_of
from ..errors.printable import in_one_line
from ..files.writing import NO_ROOM
from ..process.containment import contained
from ..process.interrupts import interruptible
from ..process.standard_output import whole_output
from .arguments import require_arguments
from .interrupt import conclude

LINE = "textattack_attend_line"


@contextmanager
def explained(expected: Callable[[], str]) -> Iterator[None]:
    """Attaches a line to an error inside the context; messages of our own errors are such lines.

    Args:
        expected: returns what was expected; it is called for an error only.
    """
    try:
        with contained():
            yield
    except UserCodeError as error:
        raise UserCodeError(f"{expected()} ({error})") from error
    except AttendError:
        raise
    except Exception as error:
        if not hasattr(error, LINE):
            setattr(error, LINE, f"{expected()} ({_reason(error)})")
        raise


def _reason(error: Exception) -> str:
    """Returns an error's message, or the error inside a file that cannot be imported."""
    hidden = str(error).startswith("Failed to import") and error.__context__
    said = hidden or error
    return f"{type(said).__name__}: {reason_of(said)}"


def explaining_attack(original: Any) -> Any:
    """Attaches a line to the error if an attack cannot be built."""

    def create_attack(cls: Any, args: Any, model_wrapper: Any) -> Any:
        from ..attacks.named import require_built

        name = args.attack_recipe or args.attack_from_file or "the attack"
        with explained(lambda: f"{name}: expected an attack that can be built on this model"):
            return require_built(name, original(cls, args, model_wrapper))

    return create_attack


def explaining_loggers(original: Any) -> Any:
    """Attaches a line to the error if a log cannot be begun."""

    def create_loggers(cls: Any, args: Any) -> Any:
        with explained(lambda: "expected logs that can be written"):
            return original(cls, args)

    return create_loggers


def refusing_custom_code(original: Any) -> Any:
    """Makes a command refuse code of a checkpoint, or of a data set, that is not allowed.

    Otherwise users would be asked on standard input about all that TextAttack loads by itself.
    """

    def run(self: Any, args: Any) -> Any:
        try:
            with never_asking():
                return original(self, args)
        except CustomCodeError as error:
            raise SystemExit(f"textattack: error: {error}") from None

    return run


def with_one_line(original: Any) -> Any:
    """Makes a command end in one line if it cannot run or is interrupted."""

    def run(self: Any, args: Any) -> None:
        try:
            with interruptible(), whole_output():
                require_arguments(args)
                with contained():
                    original(self, args)
        except KeyboardInterrupt as interrupt:
            conclude(interrupt, args)
        except Exception as error:
            if isinstance(error, EOFError) and getattr(args, "interactive", False):
                return  # the user has no more sentences
            line = str(error) if isinstance(error, AttendError) else getattr(error, LINE, "")
            line = line or _about_room(error)
            if not line:
                raise
            raise SystemExit(f"textattack: error: {in_one_line(line)}") from None

    return run


def _about_room(error: Exception) -> str:
    """Returns a line about a full disk, on which a log or a checkpoint could not be written."""
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return (
            f"expected room for the logs and checkpoints, got none ({error.strerror}); make room, "
            "or name another place for them"
        )
    return ""
