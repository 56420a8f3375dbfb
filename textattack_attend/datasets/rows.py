"""Rows as TextAttack's datasets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textattack.datasets import Dataset

from ..published import Row


class RowsDataset(Dataset):
    """Texts of one or several columns, each with its class.

    Args:
        rows: of as many parts as there are columns.
        columns: their names.
        label_names: of the classes, shown in logs.
    """

    def __init__(
        self, rows: Sequence[Row], columns: Sequence[str], label_names: Sequence[str] = ()
    ) -> None:
        single = len(columns) == 1
        examples: list[Any] = [
            (parts[0], label) if single else (parts, label) for parts, label in rows
        ]
        super().__init__(
            examples, input_columns=list(columns), label_names=list(label_names) or None
        )
