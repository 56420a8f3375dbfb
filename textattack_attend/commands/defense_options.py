"""Makes the command line's options for defenses, one for every field of their dataclasses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, fields
from typing import Any

import click

from ..training.defenses.options import DEFENSES


def _fields() -> dict[str, dict[str, Field[Any]]]:
    """Returns the fields of all defenses by name, and by the defense that has them."""
    found: dict[str, dict[str, Field[Any]]] = {}
    for name, defense in DEFENSES.items():
        for own in fields(defense):
            found.setdefault(own.name, {})[name] = own
    return found


def defense_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options of all defenses to a command, which gets None for those not given."""
    for name, by_defense in reversed(_fields().items()):
        (first, *_) = by_defense.values()
        command = click.option(
            f"--{name.replace('_', '-')}",
            name,
            type=numbers if isinstance(first.default, tuple) else type(first.default),
            help=" ".join(_help(by_defense)),
        )(command)
    return command


def _help(by_defense: Mapping[str, Field[Any]]) -> Iterator[str]:
    """Yields a line for every meaning of an option, with its default."""
    meanings: dict[str, list[str]] = {}
    for defense, own in by_defense.items():
        default = "" if isinstance(own.default, tuple) else f" [{own.default}]"
        meanings.setdefault(f"{own.metadata['help']}{default}", []).append(defense)
    for meaning, defenses in meanings.items():
        yield f"{', '.join(defenses)}: {meaning}"


def numbers(value: str) -> tuple[int, ...]:
    """Parses whole numbers, as 0,1,2."""
    try:
        return tuple(int(number) for number in value.split(","))
    except ValueError:
        raise click.BadParameter(f"expected whole numbers as 0,1,2, got {value!r}") from None
