"""Texts, as models and attacks here take them."""

from __future__ import annotations

import re

Text = str | tuple[str, ...]
"""One text, or the parts of a text pair, or of a question: context, question, choices."""

UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Control characters, halves of letters and noncharacters: neither XML nor HTML has them."""


def parts_of(text: Text) -> tuple[str, ...]:
    """The columns of a text."""
    return (text,) if isinstance(text, str) else text


def printable(text: str) -> str:
    """Returns a text with a mark for each character that pages and figures cannot contain."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def in_one_line(text: str) -> str:
    """Returns a printable text in one line, with one space for each run of white space."""
    return " ".join(printable(text).split())


def readable(text: str) -> str:
    """Returns a text that UTF-8 can hold: half of a surrogate pair becomes its escape."""
    return text.encode("utf-8", "backslashreplace").decode()
