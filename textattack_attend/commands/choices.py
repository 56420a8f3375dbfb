"""Choices of the command line that other packages register."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

import click


class LazyChoice(click.Choice[str]):
    """A choice of names that are looked up when they are needed, as that imports their package.

    Args:
        names: a function that returns the names.
    """

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        self._names = names
        self.case_sensitive = True

    @cached_property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        """The names, which are looked up with every use."""
        return tuple(self._names())
