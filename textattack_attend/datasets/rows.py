"""Rows as TextAttack's datasets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textattack.datasets import Dataset

from ..data.published import Row


class RowsDataset(Dataset):
    """Texts of one or several columns, each with its class.

    Args:
        rows: of as many parts as there are columns.
        columns: their names.
        label_names: of the classes, shown in logs.
        first: position of the first row in its file; what is before it was not read.
    """

    def __init__(
        self,
        rows: Sequence[Row],
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
        """How many examples there are up to the last that was read."""
        return self._first + len(self._dataset)

    def __getitem__(self, position: int | slice) -> Any:
        """The columns and the class of an example, or of several.

        Raises:
            IndexError: there is no such example, or it was not read.
        """
        if isinstance(position, slice):
            return [self[one] for one in range(*position.indices(len(self)))]
        own = position + (len(self) if position < 0 else 0) - self._first
        if own < 0:
            raise IndexError(f"example {position} was not read")
        return super().__getitem__(own)
