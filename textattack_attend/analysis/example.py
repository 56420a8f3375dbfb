"""What is measured on."""

from typing import Any

Example = tuple[Any, int]
"""A text, or an ordered dict of its columns; its class."""
