"""The names of classes: which class of a model a name of the data stands for.

Models and data sets count the same classes in different orders: one model for inference says
entailment first, another one contradiction. So wherever both sides have names, a label is placed by
its name, without regard to case, and never by its number. Names that do not match are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidInputError
from ..errors.printable import in_one_line
from .cells import comparable, named, number_named

ADVICE = (
    "name the model's classes in the words of the data, in the model's order: --label-names "
    "NAME,NAME (label_names in a recipe and in Python)"
)
LONGEST = 100
"""The most characters of a name; a longer one is a mistake, or the joke of a stranger."""
NO_NAME = re.compile(r"(label[_ -]?)?[0-9]+", re.IGNORECASE)
"""Matches the name of a class that has none: its number, or LABEL_0 as transformers writes it."""


def names_in(id2label: Any) -> tuple[str, ...]:
    """Returns the names that a configuration gives to its classes; none if it gives only numbers.

    Args:
        id2label: the field of the configuration: the name of every class, by its number.
    """
    if not isinstance(id2label, Mapping):
        return ()
    by_number = {str(number): name for number, name in id2label.items()}
    names = [by_number.get(str(number)) for number in range(len(by_number))]
    whole = [in_one_line(name)[:LONGEST] for name in names if isinstance(name, str) and name]
    if len(whole) < len(names) or all(NO_NAME.fullmatch(name) for name in whole):
        return ()
    return tuple(whole) if len({*map(comparable, whole)}) == len(whole) else ()


def given_names(given: Sequence[str]) -> tuple[str, ...]:
    """Returns the names that a user gives to a model's classes, checked.

    Raises:
        InvalidInputError: a name is empty or too long, two are the same, or there is only one.
    """
    names = tuple(in_one_line(name.strip()) for name in given)
    if not names:
        return ()
    if len(names) < 2 or not all(names) or max(map(len, names)) > LONGEST:
        raise InvalidInputError(
            "label names: expected a name for every class of the model in its order, as "
            f"negative,positive, got {', '.join(map(repr, names))[:LONGEST]}"
        )
    for position, name in enumerate(names):
        if comparable(name) in map(comparable, names[:position]):
            raise InvalidInputError(
                f"label names: expected different names, got {name!r} twice (case does not count)"
            )
    return names


def names_of_model(own: Sequence[str], given: Sequence[str], classes: int) -> tuple[str, ...]:
    """Returns the names of a model's classes: those that a user gives, or else its own.

    Given names may be other words for the model's own, but no other order of them.

    Args:
        own: the names in the model's configuration; empty if it has none.
        given: the names that the user gives, in the model's order; empty if there are none.
        classes: the number of the model's classes.

    Raises:
        InvalidInputError: the number of given names differs from that of the classes, or they
            contradict the model's own.
    """
    if not given:
        return tuple(own)
    names = given_names(given)
    if len(names) != classes:
        raise InvalidInputError(
            f"label names: expected {classes}, one for each class of the model, got {len(names)} "
            f"({named(names)})"
        )
    for position, name in enumerate(names):
        if (known := number_named(name, own)) not in (None, position):
            raise InvalidInputError(
                f"label names: {name!r} is given as the name of class {position}, but the model "
                f"calls its class {known} so; its order is {named(own)}"
            )
    return names


def placement(labels: Sequence[str], names: Sequence[str], source: str) -> list[int]:
    """Returns the class of the model for every class of the data, by their names.

    Args:
        labels: the names of the data's classes, in the order of the data.
        names: the names of the model's classes, in the order of the model.
        source: the name of the data, with which a message begins.

    Raises:
        InvalidInputError: the model has no class of such a name.
    """
    known = {comparable(name): number for number, name in enumerate(names)}
    unknown = [label for label in labels if comparable(label) not in known]
    if unknown:
        raise InvalidInputError(
            f"{source}: expected labels that the model knows ({named(names)}), got "
            f"{named(map(repr, unknown))}; mend the data, or {ADVICE}"
        )
    return [known[comparable(label)] for label in labels]
