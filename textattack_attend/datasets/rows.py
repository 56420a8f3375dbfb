"""Makes a data set for TextAttack of examples in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textattack.datasets import Dataset

from ..data.published import Example


class RowsDataset(Dataset):
    """Texts of one or several columns, each with its class.

    Args:
        rows: the examples; each text has as many parts as there are columns.
        columns: the names of the columns.
        label_names: the names of the classes, which logs show.
        first: the position of the first example in its file; those before it were not read.
    """

    def __init__(
        self,
        rows: Sequence[Example],
        columns: Sequence[str],
        label_names: Sequence[str] = (),
        first: int = 0,
    ) -> None:
        single = len(columns) == 1
        examples: list[Any] = [
            (parts[0], label) if single else (parts, label) for parts, label in rows
        ]
        super().__init__(
            examples, input_columns=list(columns), label_names=list(label_names) or None
        )
        self._first = first

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
