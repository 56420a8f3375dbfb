"""Texts, as models and attacks here take them."""

from __future__ import annotations

Text = str | tuple[str, ...]
"""One text, or the parts of a text pair, or of a question: context, question, choices."""


def parts_of(text: Text) -> tuple[str, ...]:
    """The columns of a text."""
    return (text,) if isinstance(text, str) else text


def readable(text: str) -> str:
    """A text as UTF-8 can have it: half of a pair of surrogates becomes its escape."""
    return text.encode("utf-8", "backslashreplace").decode()
