"""The classes that a model learns: their numbers, and their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..data.cells import comparable, named
from ..data.class_names import given_names, placement
from ..data.labelled import Labelled
from ..data.published import Example, Source
from ..errors import InvalidInputError

Numbered = tuple[list[Example], list[Example], tuple[str, ...]]
"""The examples to train on, those to evaluate on, and the names of their classes."""


def numbered(
    train: Labelled,
    dev: Labelled,
    given: Sequence[str],
    own: Callable[[], Sequence[str]],
    data: Source,
) -> Numbered:
    """Returns the examples with numbers of classes, and the names in the order of the numbers.

    The order is that of the names that the user gives, or that of the pretrained model if it has
    the same names, because its head may know them already; or else that of the data, where words
    are in the order of the alphabet.

    Args:
        train: the examples to train on.
        dev: the examples to evaluate on.
        given: the names of the classes in the order of their numbers; empty if they are not given.
        own: a function that returns the names that the pretrained model has.
        data: the name of the data, which messages begin with.

    Raises:
        InvalidInputError: the data have a name that is not given, or as many classes as are not
            named; or only some of them have words in place of numbers.
    """
    wanted = given_names(given)
    labels = _names_of(train, dev, data)
    if not labels:
        classes = 1 + max(label for _, label in train.rows)
        if wanted and len(wanted) != classes:
            raise InvalidInputError(
                f"label names: expected {classes}, one for each class of {data}, got "
                f"{len(wanted)} ({named(wanted)})"
            )
        return train.rows, dev.rows, wanted
    names = wanted or _kept(labels, own())
    rows = []
    for part in (train, dev):
        places = placement(part.names, names, str(data))
        rows.append([(parts, places[label]) for parts, label in part.rows])
    return rows[0], rows[1], names


def _names_of(train: Labelled, dev: Labelled, data: Source) -> tuple[str, ...]:
    """Returns the names of the classes in the order of the data; none if they have only numbers."""
    if train.are_words != dev.are_words:
        raise InvalidInputError(
            f"{data}: expected words as labels, or numbers, in both of its parts, got words in one"
        )
    if not train.are_words:
        return train.names if train.names == dev.names else ()
    words = {comparable(name): name for name in (*dev.names, *train.names)}
    return tuple(words[key] for key in sorted(words))


def _kept(labels: tuple[str, ...], own: Sequence[str]) -> tuple[str, ...]:
    """Returns the model's names if they are those of the data in any order, or else the data's."""
    same = sorted(map(comparable, labels)) == sorted(map(comparable, own))
    return tuple(own) if same else labels
