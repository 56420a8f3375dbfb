"""Shared: the text that carries a structure."""

from .structured_text import StructuredText

__all__ = ["StructuredText"]
