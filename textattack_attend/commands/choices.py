"""Choices of the command line that other packages register."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import click

from ..errors import did_you_mean, quoted


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

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> Any:
        """Returns the name, or refuses one that is not known and suggests the nearest."""
        if value in self.choices:
            return value
        self.fail(
            f"expected one of {', '.join(self.choices)}, got {quoted(str(value))}"
            f"{did_you_mean(str(value), self.choices)}",
            parameter,
            context,
        )
