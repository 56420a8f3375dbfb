"""The label of an example, as a user gives it: a number, a name, or none."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...data.cells import number_named
from ...data.texts import Text
from ...errors import InvalidInputError, described, did_you_mean, first_of, quoted
from ...victims.class_names import class_names
from ...victims.victim import Victim


def label_of(victim: Victim, text: Text, given: Any) -> Any:
    """Returns the number of the class that a user means.

    Args:
        victim: the victim, whose model names its classes.
        text: the text.
        given: the number of the class, which is returned as it is; its name; or None for the class
            that the victim predicts.

    Raises:
        InvalidInputError: the victim has no class of that name.
    """
    if given is None:
        return int(victim.logits([text])[0].argmax())
    return _number_of(given, class_names(victim.model)) if isinstance(given, str) else given


def require_label(label: Any, classes: int, what: str = "label") -> None:
    """Refuses a label that is no class.

    Args:
        label: the class, counted from 0.
        classes: the number of classes.
        what: the name of the label in the message.

    Raises:
        InvalidInputError: the label is no whole number, or outside the classes.
    """
    if not isinstance(label, int | np.integer) or isinstance(label, bool):
        raise InvalidInputError(
            f"{what}: expected the number of a class, 0 to {classes - 1}, got {described(label)}; "
            "give that number as an int"
        )
    if not 0 <= label < classes:
        raise InvalidInputError(
            f"{what} {label!r}: expected one of the model's {classes} classes, "
            f"0 to {classes - 1}; check the dataset's label order"
        )


def _number_of(name: str, names: tuple[str, ...]) -> int:
    if not names:
        raise InvalidInputError(
            "label: expected the number of a class or of a choice, as the model has no names for "
            f"them, got {quoted(name)}"
        )
    number = number_named(name, names)
    if number is None:
        raise InvalidInputError(
            f"label: expected one of {first_of(names)}, or its number, got {quoted(name)}"
            f"{did_you_mean(name, names)}"
        )
    return number
