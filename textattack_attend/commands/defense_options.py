"""The options of the defenses on the command line: one for every field of their dataclasses.

The defenses import transformers, which takes seconds, so they are read when a command needs its
options, and not when the command is defined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from .choices import LazyChoice

if TYPE_CHECKING:
    from ..training.defenses.registry import Method


class DefenseCommand(click.Command):
    """A command with an option for the defense, and the options of all defenses.

    An option of a defense that was not given arrives as None.
    """

    def get_params(self, context: click.Context) -> list[click.Parameter]:
        """Returns the command's own options, those of the defenses, and ``--help``."""
        *own, help_option = super().get_params(context)
        return [*own, *_defense_options(), help_option]

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the command's own options, and then those of each defense under its name."""
        *own, help_option = super().get_params(context)
        defense, *others = _defense_options()
        records = [one.get_help_record(context) for one in (*own, defense, help_option)]
        with formatter.section("Options"):
            formatter.write_dl([record for record in records if record])
        flags = {str(one.name): one.make_metavar(context) for one in others}
        for name, method in _methods().items():
            if listed := [
                (f"{flag_of(own.name)} {flags[own.name]}", _sentence(own))
                for own in fields(method.options)
            ]:
                with formatter.section(f"Options of --defense {name}"):
                    formatter.write_dl(listed)


def flag_of(name: str) -> str:
    """Returns the option on the command line of a field."""
    return f"--{name.replace('_', '-')}"


def _methods() -> Mapping[str, Method]:
    from ..training.defenses import DEFENSES

    return DEFENSES


def _sentence(own: Field[Any]) -> str:
    """Returns the help of a field, with its default if that is more than an empty value."""
    default = "" if own.default in ("", ()) else f"  [default: {own.default}]"
    return f"{own.metadata['help']}{default}"


def _fields() -> dict[str, dict[str, Field[Any]]]:
    """Returns the fields by name, and by the defenses that have them."""
    found: dict[str, dict[str, Field[Any]]] = {}
    for name, method in _methods().items():
        for own in fields(method.options):
            found.setdefault(own.name, {})[name] = own
    return found


@cache
def _defense_options() -> tuple[click.Option, ...]:
    """Returns the option that names a defense, and one for every field of the defenses."""
    defense = click.Option(
        ["--defense"],
        type=LazyChoice(_methods),
        default="none",
        show_default=True,
        help="The training method; the options of each stand below.",
    )
    return defense, *(_option(name, by_defense) for name, by_defense in _fields().items())


def _option(name: str, by_defense: Mapping[str, Field[Any]]) -> click.Option:
    (first, *_) = by_defense.values()
    return click.Option(
        [flag_of(name), name],
        type=numbers if isinstance(first.default, tuple) else type(first.default),
        help=" ".join(_help(by_defense)),
    )


def _help(by_defense: Mapping[str, Field[Any]]) -> Iterator[str]:
    """Yields a line for every meaning of an option, with its default."""
    meanings: dict[str, list[str]] = {}
    for defense, own in by_defense.items():
        meanings.setdefault(_sentence(own), []).append(defense)
    for meaning, defenses in meanings.items():
        yield f"{', '.join(defenses)}: {meaning}"


def numbers(value: str) -> tuple[int, ...]:
    """Reads whole numbers, as 0,1,2."""
    try:
        return tuple(int(number) for number in value.split(","))
    except ValueError:
        raise click.BadParameter(f"expected whole numbers as 0,1,2, got {value!r}") from None
