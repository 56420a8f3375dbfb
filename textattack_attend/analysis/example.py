"""The type of the examples on which an analysis measures."""

from typing import Any

Example = tuple[Any, int]
"""A text, or an ordered dict of its columns, and its class."""
