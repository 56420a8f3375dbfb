"""The script of the page, a file for each of its parts."""

from __future__ import annotations

from importlib.resources import files

PARTS = ("page", "address", "copies", "tables", "attention", "example", "examples", "main")
"""The files in the order in which they stand in the page; the last one begins it."""


def script() -> str:
    """Returns all parts as one script, which a page without a server can hold."""
    parts = [(files(__package__) / f"{part}.js").read_text(encoding="utf-8") for part in PARTS]
    return "\n".join(parts)
