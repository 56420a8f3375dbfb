"""Reads and writes files as wholes, and reports mistakes in them in one line."""

from __future__ import annotations

from .reading import content_of, lines_in, lines_of, text_of
from .writing import write_whole

__all__ = ["content_of", "lines_in", "lines_of", "text_of", "write_whole"]
