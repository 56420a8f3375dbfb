"""Texts, as models and attacks here take them."""

from __future__ import annotations

Text = str | tuple[str, ...]
"""One text, or the parts of a text pair, or of a question: context, question, choices."""


def parts_of(text: Text) -> tuple[str, ...]:
    """Returns the parts of a text; a text without parts is the only one."""
    return (text,) if isinstance(text, str) else text
