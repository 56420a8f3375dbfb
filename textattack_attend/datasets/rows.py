"""Makes a data set for TextAttack of examples in memory, with the names of their classes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from typing import Any

from textattack.datasets import Dataset

from ..data.cells import named
from ..data.class_names import ADVICE, names_of_model, placement
from ..data.labelled import Labelled
from ..data.published import Example
from ..errors import InvalidInputError

logger = logging.getLogger(__name__)


class Numbering(StrEnum):
    """Says what the numbers of a data set's labels count."""

    MODEL = "the classes of the model"
    DATA = "the classes of the data, which the data name"
    WORDS = "the words of the data in the order of the alphabet, which say nothing to a model"


class RowsDataset(Dataset):
    """Texts of one or several columns, each with its class.

    Args:
        rows: the examples; each text has as many parts as there are columns.
        columns: the names of the columns.
        label_names: the names of the classes in the order of their numbers, which logs show.
        first: the position of the first example in its file; those before it were not read.
        numbering: what the numbers of the labels count, see `for_model`.
        source: the name of the data, which messages begin with.

    Attributes:
        is_placed_by_name: whether the labels would be others, had the classes of the model other
            names.
    """

    def __init__(
        self,
        rows: Sequence[Example],
        columns: Sequence[str],
        label_names: Sequence[str] = (),
        first: int = 0,
        numbering: Numbering = Numbering.MODEL,
        source: str = "data",
    ) -> None:
        single = len(columns) == 1
        examples: list[Any] = [
            (parts[0], label) if single else (parts, label) for parts, label in rows
        ]
        super().__init__(
            examples, input_columns=list(columns), label_names=list(label_names) or None
        )
        self.numbering = numbering
        self.is_placed_by_name = False
        self._first = first
        self._source = source

    @classmethod
    def of(
        cls, labelled: Labelled, columns: Sequence[str], first: int = 0, source: str = "data"
    ) -> RowsDataset:
        """Makes a data set of examples whose classes the data may name."""
        named_by = Numbering.WORDS if labelled.are_words else Numbering.DATA
        numbering = named_by if labelled.names else Numbering.MODEL
        return cls(labelled.rows, columns, labelled.names, first, numbering, source)

    def for_model(self, names: Sequence[str]) -> RowsDataset:
        """Returns the data set with the labels of a model, each placed by its name.

        Args:
            names: the names of the model's classes in its order; empty if nobody names them.

        Raises:
            InvalidInputError: the names of the data do not match those of the model, or the data
                have words in place of numbers and the model has no names.
        """
        own = tuple(self.label_names or ())
        if self.numbering is Numbering.MODEL or not names:
            if self.numbering is Numbering.WORDS:
                raise InvalidInputError(
                    f"{self._source}: its labels are the words {named(own)}, and the model does "
                    f"not name its classes; {ADVICE}"
                )
            return self._with(self._rows(), names_of_model(names, own, len(names) or len(own)))
        classes = placement(own, names, self._source)
        are_words, are_moved = self.numbering is Numbering.WORDS, classes != [*range(len(classes))]
        if are_moved and not are_words:
            _say_once(self._source, own, tuple(names[number] for number in classes), *classes)
        placed = self._with([(parts, classes[label]) for parts, label in self._rows()], names)
        placed.is_placed_by_name = are_words or are_moved
        return placed

    def _with(self, rows: Sequence[Example], names: Sequence[str]) -> RowsDataset:
        return RowsDataset(rows, self.input_columns, names, self._first, source=self._source)

    def _rows(self) -> list[Example]:
        alone = len(self.input_columns) == 1
        return [((text,) if alone else text, label) for text, label in self._dataset]

    def filter_by_labels_(self, labels_to_keep: Any) -> None:
        """Keeps the examples of some classes, and discards the others.

        Raises:
            InvalidInputError: the labels of the data are words, whose order nobody has said yet.
        """
        if self.numbering is Numbering.WORDS:
            raise InvalidInputError(
                f"{self._source}: expected a model that names its classes, to filter the words "
                f"{named(self.label_names or ())} by numbers; {ADVICE}"
            )
        super().filter_by_labels_(labels_to_keep)

    def __len__(self) -> int:
        """Returns the number of examples of the file up to the last one that was read."""
        return self._first + len(self._dataset)

    def __getitem__(self, position: int | slice) -> Any:
        """Returns the columns and the class of an example, or of each example of a slice.

        Raises:
            IndexError: there is no such example, or it was not read.
        """
        if isinstance(position, slice):
            return [self[one] for one in range(*position.indices(len(self)))]
        own = position + (len(self) if position < 0 else 0) - self._first
        if own < 0:
            raise IndexError(f"example {position} was not read")
        return super().__getitem__(own)


@cache  # every victim of a benchmark, and every worker, asks for its data anew
def _say_once(source: str, labels: tuple[str, ...], names: tuple[str, ...], *classes: int) -> None:
    moved = ", ".join(
        f"{label} {number} -> {name} {own}"
        for number, (label, name, own) in enumerate(zip(labels, names, classes, strict=True))
    )
    logger.warning(
        "%s: the model counts its classes in another order than the data; labels are placed by "
        "their names: %s",
        source,
        moved,
    )
