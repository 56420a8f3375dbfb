"""The label of an example, as a user gives it: a number, a name, or none."""

from __future__ import annotations

from typing import Any

from ...attention import is_multiple_choice
from ...data.texts import Text
from ...errors import InvalidInputError, did_you_mean, quoted
from ...victims.victim import Victim


def label_of(victim: Victim, text: Text, given: Any) -> Any:
    """Returns the number of the class that a user means.

    Args:
        victim: the victim, whose configuration names its classes.
        text: the text.
        given: the number of the class, which is returned as it is; its name; or None for the class
            that the victim predicts.

    Raises:
        InvalidInputError: the victim has no class of that name.
    """
    if given is None:
        return int(victim.logits([text])[0].argmax())
    return _number_of(given, victim) if isinstance(given, str) else given


def _number_of(name: str, victim: Victim) -> int:
    if is_multiple_choice(victim.model) or victim.prompt is not None:
        raise InvalidInputError(
            f"label: expected the number of a choice or of a label word, got {quoted(name)}"
        )
    names = {str(own): int(number) for number, own in victim.model.config.id2label.items()}
    found = [number for own, number in names.items() if own.casefold() == name.casefold()]
    if len(found) != 1:
        raise InvalidInputError(
            f"label: expected one of {', '.join(names)}, or its number, got {quoted(name)}"
            f"{did_you_mean(name, names)}"
        )
    return found[0]
