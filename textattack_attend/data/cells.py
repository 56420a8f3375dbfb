"""Cells, the values in a file of examples: checks those that stand for a text or a class."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import InvalidInputError, first_of

CLASS = re.compile(r"([0-9]{1,9})(\.0*)?")
"""A class as tables write it; pandas writes 1 as 1.0 if the column has an empty cell."""
SHOWN = 60
"""The most characters of a wrong value that a message shows."""
SHOWN_NAMES = 12
"""The most names of columns that a message lists."""


def shown(value: Any) -> str:
    """Returns the beginning of a value in one line, in the spelling of JSON."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(value[:SHOWN])
    return " ".join(repr(value)[:SHOWN].split())


def named(names: Iterable[str]) -> str:
    """Returns the names of columns in one line."""
    every = [name if name.isprintable() and name.strip() else repr(name) for name in names]
    return first_of(every, SHOWN_NAMES)


def require_text(value: Any, place: str) -> str:
    """Returns a text that every tokenizer can read.

    Args:
        value: the value of a cell.
        place: the place of the cell, with which a message begins.

    Raises:
        InvalidInputError: the value is no string, or has half of a surrogate pair, which stands for
            no character.
    """
    if not isinstance(value, str):
        raise InvalidInputError(f"{place}: expected a text, got {shown(value)}")
    half = _half_of_a_pair(value)
    if half:
        raise InvalidInputError(
            f"{place}: expected a text of whole characters, got {half}, half of a surrogate pair; "
            "remove it, or write the whole character"
        )
    return value


def require_texts(value: Any, place: str) -> tuple[str, ...]:
    """Returns a list of texts that every tokenizer can read.

    Raises:
        InvalidInputError: the value is no list, or an item is no such text.
    """
    if not isinstance(value, list):
        raise InvalidInputError(f"{place}: expected a list of texts, got {shown(value)}")
    return tuple(require_text(text, place) for text in value)


def _half_of_a_pair(text: str) -> str:
    """Returns the first lone surrogate of a text as JSON writes it, or an empty text."""
    found = re.search("[\ud800-\udfff]", text)
    return f"\\u{ord(found[0]):04x}" if found else ""


def class_of(value: Any) -> int | None:
    """Returns the class, counted from 0, that a number or a numeral stands for; otherwise None.

    A truth value is no class, because a file does not say which class is the true one.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    found = CLASS.fullmatch(str(value).strip())
    return int(found[1]) if found else None


def is_word(value: Any) -> bool:
    """Returns whether a value can be the name of a class: a text that is no number."""
    if not isinstance(value, str) or not value.strip():
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False


def comparable(name: str) -> str:
    """Returns a name without what does not distinguish names: case, and spaces around it."""
    return name.strip().casefold()


def number_named(name: str, names: Sequence[str]) -> int | None:
    """Returns the number of the class that has a name; None if there is no such class."""
    known = [comparable(own) for own in names]
    return known.index(comparable(name)) if comparable(name) in known else None


def require_class(value: Any, names: Sequence[str], place: str) -> int:
    """Returns a class.

    Args:
        value: the value of a cell: the class, counted from 0, or its name in any case.
        names: the names of the classes in the model's order; empty if labels are numbers.
        place: the place of the cell, with which a message begins.

    Raises:
        InvalidInputError: the value is neither.
    """
    number = number_named(value, names) if isinstance(value, str) else None
    if number is None:
        number = class_of(value)
    if number is None:
        known = f"one of {named(names)}" if names else "a class counted from 0"
        raise InvalidInputError(
            f"{place}: expected {known} as label, got {shown(value)}; write the number of the "
            "class in the model's order (id2label in its config.json), or in Python pass the names "
            "as label_names"
        )
    return number
