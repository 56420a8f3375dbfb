"""The settings of a training on the command line: one option for every field of their record."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import Field, fields
from typing import Any, get_type_hints

import click

from ..training.settings import Settings


def training_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options; a setting that was not given arrives as None."""
    hints = get_type_hints(Settings)
    for own in reversed(fields(Settings)):
        flag = f"--{own.name.replace('_', '-')}"
        command = click.option(
            flag, own.name, help=own.metadata["help"], **_kind(own, hints[own.name])
        )(command)
    return command


def _kind(own: Field[Any], hint: Any) -> dict[str, Any]:
    """Returns what click takes to read a setting of a type."""
    if own.metadata["choices"]:
        return {"type": click.Choice(own.metadata["choices"])}
    if hint == tuple[str, ...]:
        spaced = own.metadata["spaced"]
        return {"callback": _words if spaced else _names, "metavar": "NAME,..."}
    if hint is str:
        return {"callback": _with_new_lines, "metavar": "TEXT"}
    if hint is bool:
        return {"is_flag": True, "default": None}
    if hint is float:
        return {"type": click.FloatRange(min=0, min_open=True)}
    if hint is not int:
        return {"multiple": True, "callback": _fields, "metavar": "FIELD=VALUE"}
    least = own.metadata["least"]
    return {"type": int if least is None else click.IntRange(min=least)}


def _names(
    context: click.Context, option: click.Parameter, given: str | None
) -> tuple[str, ...] | None:
    """Reads names that commas part."""
    return None if given is None else tuple(filter(None, map(str.strip, given.split(","))))


def _words(
    context: click.Context, option: click.Parameter, given: str | None
) -> tuple[str, ...] | None:
    """Reads words that commas part, with the spaces around them."""
    return None if given is None else tuple(given.split(","))


def _with_new_lines(
    context: click.Context, option: click.Parameter, given: str | None
) -> str | None:
    """Reads a text in which a backslash with an n stands for a new line."""
    return None if given is None else given.replace("\\n", "\n")


def _fields(
    context: click.Context, option: click.Parameter, given: Sequence[str]
) -> dict[str, Any]:
    """Reads fields and their values, each of which is JSON or text."""
    return dict(map(_field, given))


def _field(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not equals:
        raise click.BadParameter(f"expected FIELD=VALUE, got {given!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
