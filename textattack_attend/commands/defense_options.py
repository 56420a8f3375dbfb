"""The options of the defenses on the command line: one for every field of their dataclasses.

The defenses import transformers, which takes seconds, so they are read when a command needs its
options, and not when the command is defined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from functools import cache
from typing import Any

import click


class DefenseCommand(click.Command):
    """A command with an option for the defense, and the options of all defenses.

    An option of a defense that was not given arrives as None.
    """

    def get_params(self, context: click.Context) -> list[click.Parameter]:
        """Returns the command's own options, those of the defenses, and ``--help``."""
        *own, help_option = super().get_params(context)
        return [*own, *_defense_options(), help_option]


def _fields() -> dict[str, dict[str, Field[Any]]]:
    """Returns the fields by name, and by the defenses that have them."""
    from ..training.defenses import DEFENSES

    found: dict[str, dict[str, Field[Any]]] = {}
    for name, method in DEFENSES.items():
        for own in fields(method.options):
            found.setdefault(own.name, {})[name] = own
    return found


@cache
def _defense_options() -> tuple[click.Option, ...]:
    """Returns the option that names a defense, and one for every field of the defenses."""
    from ..training.defenses import DEFENSES

    defense = click.Option(
        ["--defense"],
        type=click.Choice(list(DEFENSES)),
        default="none",
        show_default=True,
        help="The training method.",
    )
    return defense, *(_option(name, by_defense) for name, by_defense in _fields().items())


def _option(name: str, by_defense: Mapping[str, Field[Any]]) -> click.Option:
    (first, *_) = by_defense.values()
    return click.Option(
        [f"--{name.replace('_', '-')}", name],
        type=numbers if isinstance(first.default, tuple) else type(first.default),
        help=" ".join(_help(by_defense)),
    )


def _help(by_defense: Mapping[str, Field[Any]]) -> Iterator[str]:
    """Yields a line for every meaning of an option, with its default."""
    meanings: dict[str, list[str]] = {}
    for defense, own in by_defense.items():
        default = "" if isinstance(own.default, tuple) else f" [{own.default}]"
        meanings.setdefault(f"{own.metadata['help']}{default}", []).append(defense)
    for meaning, defenses in meanings.items():
        yield f"{', '.join(defenses)}: {meaning}"


def numbers(value: str) -> tuple[int, ...]:
    """Reads whole numbers, as 0,1,2."""
    try:
        return tuple(int(number) for number in value.split(","))
    except ValueError:
        raise click.BadParameter(f"expected whole numbers as 0,1,2, got {value!r}") from None
