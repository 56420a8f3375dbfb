"""The names of a victim's classes, and its predictions, as commands on single texts show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..data.cells import number_named
from ..errors import InvalidInputError, did_you_mean, first_of, quoted

if TYPE_CHECKING:
    from ..data.texts import Text
    from ..victims.victim import Victim


class Prediction(NamedTuple):
    """A class that a victim predicts.

    Args:
        number: the number of the class.
        name: the name of the class.
        probability: the probability that the victim gives to it.
    """

    number: int
    name: str
    probability: float

    def __str__(self) -> str:
        return f"{self.name} ({self.probability:.1%})"


def names_of_classes(victim: Victim, text: Text, given: Sequence[str] = ()) -> list[str]:
    """Returns the name of every class of a victim, or of every choice of a question.

    Args:
        victim: the victim.
        text: the text, which says how many choices there are.
        given: the names that the user gives; by default they are the model's own.

    Raises:
        InvalidInputError: given names contradict the model's, or are not one for each class.
    """
    from ..attention import is_multiple_choice
    from ..victims.class_names import class_names

    kind = "choice" if is_multiple_choice(victim.model) else "class"
    numbered = [f"{kind} {number}" for number in range(victim.num_classes(text))]
    return list(class_names(victim.model, given)) or numbered


def prediction_of(probabilities: Any, names: Sequence[str]) -> Prediction:
    """Returns the most probable class.

    Args:
        probabilities: the probability of each class, a tensor or an array (C,).
        names: the name of each class.
    """
    return prediction_at(int(probabilities.argmax()), probabilities, names)


def prediction_at(number: int, probabilities: Any, names: Sequence[str]) -> Prediction:
    """Returns a class with its probability; the other arguments are those of `prediction_of`."""
    return Prediction(number, names[number], float(probabilities[number]))


def class_named(name: str, names: Sequence[str]) -> int:
    """Returns the number of a class from its name, whatever its case, or from its number.

    Raises:
        InvalidInputError: there is no such class.
    """
    number = number_named(name, names)
    if number is not None:
        return number
    wanted = name.strip()
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 and int(wanted) < len(names):
        return int(wanted)
    raise InvalidInputError(
        f"--label: expected a class of the model ({first_of(names)}), or its number, 0 to "
        f"{len(names) - 1}, got {quoted(name)}{did_you_mean(wanted, names)}"
    )
