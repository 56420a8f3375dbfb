"""Checks that a model can learn from examples: they have texts, and classes counted from 0."""

from __future__ import annotations

from collections.abc import Sequence

from ..data.cells import named
from ..data.published import Example, Source
from ..errors import InvalidInputError


def require_learnable(
    train: Sequence[Example], dev: Sequence[Example], data: Source, is_multiple_choice: bool
) -> None:
    """Refuses examples from which a model would learn nothing, or other classes than are meant.

    Args:
        train: the examples to train on.
        dev: the examples to evaluate on.
        data: the file or name that the examples are read from, which messages name.
        is_multiple_choice: whether labels are the positions of choices instead of classes.

    Raises:
        InvalidInputError: a text is empty; the labels to train on are all the same; or classes are
            not counted from 0 without a gap, or some are in the dev set only.
    """
    _require_texts("training", train, data)
    _require_texts("dev", dev, data)
    labels = {label for _, label in train}
    if len(labels) < 2:
        raise InvalidInputError(
            f"{data}: expected texts of at least 2 classes to train on, got only class "
            f"{named(map(str, sorted(labels)))}"
        )
    if is_multiple_choice:
        return
    if len(labels) != max(labels) + 1:
        raise InvalidInputError(
            f"{data}: expected classes to train on that are counted from 0 without a gap, got "
            f"{named(map(str, sorted(labels)))}"
        )
    unknown = {label for _, label in dev} - labels
    if unknown:
        raise InvalidInputError(
            f"{data}: expected the classes to train on, 0 to {max(labels)}, in the dev set, too, "
            f"got {named(map(str, sorted(unknown)))}"
        )


def _require_texts(name: str, rows: Sequence[Example], data: Source) -> None:
    """Refuses an example whose text is empty."""
    for number, (parts, _) in enumerate(rows, 1):
        if not any(map(str.strip, parts)):
            raise InvalidInputError(
                f"{data}: row {number} of the {name} set: expected a text, got an empty one; "
                "remove the row"
            )
