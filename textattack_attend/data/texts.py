"""The type of texts that models and attacks of this package take."""

from __future__ import annotations

Text = str | tuple[str, ...]
"""A single text, or the parts of a text pair or of a question (context, question, choices)."""


def parts_of(text: Text) -> tuple[str, ...]:
    """Returns the parts of a text; a single text is its only part."""
    return (text,) if isinstance(text, str) else text
