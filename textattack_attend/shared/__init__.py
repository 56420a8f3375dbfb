"""Shared: the text that carries a structure."""

from .structured_text import StructuredText, attacked_text

__all__ = ["StructuredText", "attacked_text"]
