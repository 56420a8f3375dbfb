"""The mistakes of a recipe: a line for each that pydantic found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import LONGEST, as_number, described, did_you_mean, quoted

KINDS: dict[str, str] = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "dict_type": "a mapping",
    "list_type": "a list",
    "bool_type": "true or false",
    "model_type": "a mapping",
    "finite_number": "a finite number",
}
"""The expected value, by the kind of pydantic's error."""
BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
}
UNQUOTED = "; put it into quotation marks (YAML reads yes and no as truth values, 1.0 as a number)"


def mistakes_of(error: ValidationError, recipe: type[BaseModel]) -> list[str]:
    """Returns a line for every mistake: where it is, what was expected, and what came.

    Args:
        error: the error that pydantic raised for the recipe.
        recipe: the model of a recipe, whose fields are the valid keys.
    """
    found = (_mistake(one, recipe) for one in error.errors())
    return list(dict.fromkeys(found))  # every number type of a union reports the same mistake


def _mistake(error: ErrorDetails, recipe: type[BaseModel]) -> str:
    place, kind = [str(part) for part in error["loc"]], error["type"]
    if place[-1:] == ["[key]"]:
        return f"{_where(place[:1])}a label: {_expected(kind, error)}"
    if kind == "extra_forbidden":
        return f"{_where(place[:-1])}{_unknown(place, recipe)}"
    if kind == "missing":
        return f"{_where(place[:-1])}expected the key {place[-1]!r}, got none"
    return f"{_where(place)}{_expected(kind, error)}"


def _where(place: Sequence[str]) -> str:
    """Returns the place of a mistake, as ``attack 'HackAttend': options: ``."""
    names = {"attacks": "attack", "victims": "victim"}
    if len(place) > 1 and place[0] in names:
        # The checkpoints of a victim are a list; pydantic numbers them from 0.
        rest = place[2:] if place[0] == "attacks" else []
        return ": ".join([f"{names[place[0]]} {quoted(place[1])}", *map(_name, rest), ""])
    return ": ".join([*map(_name, place[:1]), ""]) if place else ""


def _name(part: str) -> str:
    """Returns a key as it is, unless it is one that a line of a message cannot show."""
    return part if part.isprintable() and len(part) <= LONGEST else quoted(part)


def _unknown(place: Sequence[str], recipe: type[BaseModel]) -> str:
    known = _keys_at(place, recipe)
    return (
        f"expected one of the keys {', '.join(known)}, got {quoted(place[-1])}"
        f"{did_you_mean(place[-1], known)}"
    )


def _keys_at(place: Sequence[str], recipe: type[BaseModel]) -> list[str]:
    if len(place) == 1:
        return list(recipe.model_fields)
    inner = next(_models_in(recipe.model_fields[place[0]].annotation))
    return list(inner.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yields the models that a field consists of, as that of an attack in a mapping of attacks."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _expected(kind: str, error: ErrorDetails) -> str:
    value, context = error["input"], error.get("ctx", {})
    if kind == "value_error":  # our own validators write the whole message
        return str(context["error"])
    if kind in KINDS:
        return f"expected {KINDS[kind]}, got {described(value)}{_hint(kind, value)}"
    if kind in BOUNDS:
        words, name = BOUNDS[kind]
        bound = context[name]  # pydantic turns the bound of a float into a float
        bound = int(bound) if bound == int(bound) else bound
        return f"expected {words} {bound}, got {described(value)}"
    if kind == "too_short":
        return f"expected at least one, got {described(value)}"
    return f"{error['msg'][0].lower()}{error['msg'][1:]}, got {described(value)}"


def _hint(kind: str, value: Any) -> str:
    if kind == "string_type":
        return "" if isinstance(value, list | dict) else UNQUOTED
    return as_number(value)
