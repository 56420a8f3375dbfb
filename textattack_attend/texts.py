"""Texts, as models and attacks here take them."""

from __future__ import annotations

import re

Text = str | tuple[str, ...]
"""One text, or the parts of a text pair, or of a question: context, question, choices."""

UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, which terminals obey
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # they show letters in another order
    "\ud800-\udfff\ufffe\uffff]"  # neither XML nor HTML has them
)
"""Characters that act on a reader instead of being seen; line breaks and tabs are no such."""


def parts_of(text: Text) -> tuple[str, ...]:
    """The columns of a text."""
    return (text,) if isinstance(text, str) else text


def printable(text: str) -> str:
    r"""Returns a text with the escape, as ``\x1b``, of each character that cannot be seen.

    Terminals, pages and figures show it letter by letter and obey none of it. A text that has such
    an escape already looks the same: what is printed is for reading, exports are exact.
    """
    return UNPRINTABLE.sub(_escape, text.replace("\r\n", "\n"))


def in_one_line(text: str) -> str:
    """Returns a printable text in one line, with one space for each run of white space."""
    return printable(" ".join(text.split()))


def readable(text: str) -> str:
    """Returns a text that UTF-8 can hold: half of a surrogate pair becomes its escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
