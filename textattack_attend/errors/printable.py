"""Makes texts printable: escapes characters that act on a reader, and shortens long texts."""

from __future__ import annotations

import re

UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, which terminals obey
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # they show letters in another order
    "\ud800-\udfff\ufffe\uffff]"  # neither XML nor HTML has them
)
"""Matches a character that acts on its reader instead of being seen, line breaks and tabs not."""


def printable(text: str) -> str:
    r"""Returns a text in which an escape, as ``\x1b``, replaces each character that cannot be seen.

    Terminals, pages and figures show the result letter by letter and obey none of it. A text that
    has such an escape already looks the same: printed texts are for reading, exports are exact.
    """
    return UNPRINTABLE.sub(_escape, text.replace("\r\n", "\n"))


def in_one_line(text: str) -> str:
    """Returns a printable text in one line, with one space for each run of white space."""
    return printable(" ".join(text.split()))


def shortened(text: str, most: int) -> str:
    """Returns a text in one line, cut off with three dots if it has too many characters."""
    line = in_one_line(text)
    return line if len(line) <= most else f"{line[:most].rstrip()}..."


def readable(text: str) -> str:
    """Returns a text that UTF-8 can hold, with an escape for half of a surrogate pair."""
    return text.encode("utf-8", "backslashreplace").decode()


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
