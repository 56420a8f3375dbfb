"""Errors that a user can cause, whose messages say what was expected, what came and what to do.

The ``require_...`` functions check options by their type as well as by their range: a YAML file
makes a text of ``1e-3``, and Python takes True for 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any, TypeGuard

from .printable import shortened

LONGEST = 60
"""The most characters of a value that a message repeats."""
LONGEST_REASON = 160
"""The most characters of another library's error that a message repeats."""
MOST = 20
"""The most mistakes or names that a message lists."""
KINDS: dict[type, str] = {
    str: "the text ",
    list: "the list ",
    tuple: "the list ",
    dict: "the mapping ",
}
"""The kinds of values that a message names, by type."""


class AttendError(Exception):
    """The base of every error that this package raises on purpose."""


class UnsupportedModelError(AttendError):
    """The model or tokenizer cannot be attacked by this package."""


class InvalidInputError(AttendError, ValueError):
    """An option, a text or a label is outside what the attack accepts."""


class UnknownNameError(InvalidInputError, KeyError):
    """A name is none of those that are known."""

    __str__ = Exception.__str__  # that of KeyError puts the message in quotation marks


class CustomCodeError(InvalidInputError):
    """A checkpoint needs code of its own, which the user did not allow to run."""


class StructureMismatchError(AttendError, ValueError):
    """A structure belongs to another model, or to a text of another length."""


class ModelOutputError(AttendError):
    """The model returned logits that cannot be judged, because they are NaN or infinite."""


class TrainingDivergedError(AttendError):
    """A loss became NaN or infinite in training."""


class UserCodeError(AttendError):
    """Code of the user's, such as an attack in a file, tried to end the program."""


class SavingError(AttendError):
    """A training cannot be saved, because its disk is full."""


class StoreError(AttendError):
    """The file of a benchmark's results cannot be read or written."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns the end of a message about an unknown name, which suggests the closest known one."""
    by_letters = {one.lower(): one for one in known}
    close = get_close_matches(name.lower(), list(by_letters), n=1)
    return f"; did you mean {by_letters[close[0]]!r}?" if close else ""


def listed(mistakes: Sequence[str]) -> str:
    """Returns one line that counts mistakes and lists the first of them, with numbers."""
    if len(mistakes) == 1:
        return mistakes[0]
    numbered = [f"({number}) {mistake}" for number, mistake in enumerate(mistakes[:MOST], 1)]
    more = [f"and {len(mistakes) - MOST} more"] if len(mistakes) > MOST else []
    return f"{len(mistakes)} mistakes: {'; '.join([*numbered, *more])}"


def first_of(names: Sequence[str], most: int = MOST) -> str:
    """Returns the first names with commas between them, and the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def reason_of(error: BaseException) -> str:
    """Returns the message of another library's error in one line, shortened if it is long."""
    return shortened(str(error), LONGEST_REASON)


def quoted(text: str) -> str:
    """Returns a text in quotation marks, without control characters, shortened if it is long."""
    more = len(text) - LONGEST
    return f"{text[:LONGEST]!r} and {more} more letters" if more > 0 else repr(text)


def described(value: Any) -> str:
    """Describes a value that came instead of the expected one, in one line."""
    shown = ""
    for piece in _pieces(value):
        shown += piece
        if len(shown) > LONGEST:
            shown = f"{shown[:LONGEST]}..."
            break
    return f"{KINDS.get(type(value), '')}{shown}"


def _pieces(value: Any) -> Iterator[str]:
    """Yields the `repr` of a value in pieces, as the whole of it may not fit into memory."""
    if type(value) is str:
        yield repr(value[: LONGEST + 1])
    elif type(value) is list:
        yield "["
        for number, item in enumerate(value):
            yield ", " * bool(number)
            yield from _pieces(item)
        yield "]"
    elif type(value) is dict:
        yield "{"
        for number, (key, item) in enumerate(value.items()):
            yield ", " * bool(number)
            yield from _pieces(key)
            yield ": "
            yield from _pieces(item)
        yield "}"
    elif type(value) is int and abs(value) >= 10**LONGEST:  # Python may refuse to write its digits
        yield f"a number of {value.bit_length()} bits"
    else:
        yield " ".join(repr(value).split())


def is_number(value: Any) -> TypeGuard[float]:
    """Returns whether a value is a real number; a truth value is none here, unlike in Python."""
    return isinstance(value, Real) and not isinstance(value, bool)


def require_number(name: str, value: Any, interval: str = "(-inf, inf)", hint: str = "") -> None:
    """Refuses a value that is no number in an interval.

    Args:
        name: the name of the option.
        value: the value of the option.
        interval: the accepted numbers, as ``(0, 1]``; a bracket includes its end.
        hint: advice for a number outside the interval.

    Raises:
        InvalidInputError: the value is no number, NaN, or outside the interval.
    """
    _require_in_interval(name, value, "number", interval, hint)


def require_share(name: str, value: Any, interval: str = "[0, 1]", hint: str = "") -> None:
    """Refuses a value that is no share; the arguments are those of `require_number`.

    Raises:
        InvalidInputError: the value is no number, NaN, or outside the interval.
    """
    _require_in_interval(name, value, "share", interval, hint)


def require_whole_number(name: str, value: Any, at_least: int = 1) -> None:
    """Refuses a value that is no whole number, as 2.0, which may be a mistake, or too small.

    Raises:
        InvalidInputError: the value is of another type, or too small.
    """
    if not (is_number(value) and isinstance(value, Integral)):
        raise InvalidInputError(
            f"{name}: expected a whole number, got {described(value)}{as_number(value)}"
        )
    if value < at_least:
        raise InvalidInputError(f"{name}: expected at least {at_least}, got {described(value)}")


def require_seed(name: str, value: Any) -> None:
    """Refuses a value that is no seed; None is accepted and stands for the seed of the run.

    Raises:
        InvalidInputError: the value is neither None nor a whole number of at least 0.
    """
    if value is not None:
        require_whole_number(name, value, at_least=0)


def require_yes_or_no(name: str, value: Any) -> None:
    """Refuses a value that is no truth value.

    Raises:
        InvalidInputError: the value is neither True nor False.
    """
    if not isinstance(value, bool):
        raise InvalidInputError(f"{name}: expected true or false, got {described(value)}")


def require_text(name: str, value: Any) -> None:
    """Refuses a value that is no text.

    Raises:
        InvalidInputError: the value is of another type.
    """
    if not isinstance(value, str):
        raise InvalidInputError(f"{name}: expected a text, got {described(value)}")


def require_one_of(
    name: str,
    value: Any,
    known: Sequence[str],
    error: type[InvalidInputError] = InvalidInputError,
) -> None:
    """Refuses a name that is not known.

    Args:
        name: the name of the option.
        value: the value of the option.
        known: the names that are known.
        error: the class of the error.

    Raises:
        InvalidInputError: the value is none of the known names.
    """
    if not isinstance(value, str) or value not in known:
        close = did_you_mean(value, known) if isinstance(value, str) else ""
        shown = quoted(value) if isinstance(value, str) else described(value)
        raise error(f"{name}: expected one of {', '.join(known)}, got {shown}{close}")


def _require_in_interval(name: str, value: Any, kind: str, interval: str, hint: str) -> None:
    if not is_number(value):
        raise InvalidInputError(
            f"{name}: expected a number, got {described(value)}{as_number(value)}"
        )
    low, high = (float(end) for end in interval[1:-1].split(","))
    above = low <= value if interval[0] == "[" else low < value
    below = value <= high if interval[-1] == "]" else value < high
    if not (above and below):  # NaN is neither
        end = f"; {hint}" if hint else ""
        raise InvalidInputError(f"{name}: expected a {kind} in {interval}, got {value}{end}")


def as_number(value: Any) -> str:
    """Returns advice for a text that was meant as a number, as YAML's 1e-3; else an empty text."""
    if not isinstance(value, str) or len(value) > 12:
        return ""
    try:
        plain = format(Decimal(value), "f")
    except InvalidOperation:
        return ""
    if not re.fullmatch(r"-?[0-9.]{1,20}", plain):
        return ""
    if re.fullmatch(r"[0-9]+e-[0-9]+", value):
        return f"; write {value.replace('e', '.0e')} or {plain}"
    return f"; write {plain}, without quotation marks"
