"""Examples with the names of their classes."""

from __future__ import annotations

from dataclasses import dataclass

from .published import PUBLISHED, Example, Source


@dataclass(frozen=True)
class Labelled:
    """Examples, whose labels are numbers of classes, and the names of these classes.

    Args:
        rows: the examples.
        names: the names of the classes; empty if the data do not name them.
        are_words: true if the data have names in place of numbers, so that a number alone, which
            counts them in the order of the alphabet, means nothing to a model.
    """

    rows: list[Example]
    names: tuple[str, ...] = ()
    are_words: bool = False


def published_examples(
    name: str,
    source: Source,
    split: str = "validation",
    *,
    start: int = 0,
    count: int | None = None,
) -> Labelled:
    """Reads examples in the format of a published data set, with the names of its classes.

    A file of other texts in this format may have more classes, which then have no names.

    Args:
        name: the name of the data set.
        source: the file, or the name on the hub.
        split: the split of the data set on the hub.
        start: the position of the first example to read.
        count: the most examples to read; None for all.

    Raises:
        InvalidInputError: there is no data set of this name, or the file is missing, empty, or of
            another format.
    """
    rows = PUBLISHED[name](source, split, start=start, count=count)
    names = PUBLISHED[name].label_names
    return Labelled(rows, names if all(label < len(names) for _, label in rows) else ())
