"""Files of every kind: they are read and written as wholes, and mistakes in them are one line."""

from __future__ import annotations

from .reading import content_of, lines_in, lines_of, text_of
from .writing import write_whole

__all__ = ["content_of", "lines_in", "lines_of", "text_of", "write_whole"]
