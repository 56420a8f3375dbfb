"""The options of the defenses on the command line: one for every field of their dataclasses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

import click

from ..defenses.options import DEFENSES


def _fields() -> dict[str, tuple[Field[Any], list[str]]]:
    """By name, with the defenses that have it."""
    found: dict[str, tuple[Field[Any], list[str]]] = {}
    for name, defense in DEFENSES.items():
        for own in fields(defense):
            found.setdefault(own.name, (own, []))[1].append(name)
    return found


def defense_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add them; what was not given arrives as None."""
    for name, (own, having) in reversed(_fields().items()):
        several = isinstance(own.default, tuple)
        shown = "" if several else f" [default: {own.default}]"
        command = click.option(
            f"--{name.replace('_', '-')}",
            name,
            type=numbers if several else type(own.default),
            help=f"{', '.join(having)}: {own.metadata['help']}{shown}",
        )(command)
    return command


def numbers(value: str) -> tuple[int, ...]:
    """Whole numbers, as 0,1,2."""
    try:
        return tuple(int(number) for number in value.split(","))
    except ValueError:
        raise click.BadParameter(f"expected whole numbers as 0,1,2, got {value!r}") from None
