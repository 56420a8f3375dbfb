"""Makes a data set for TextAttack of any table."""

from __future__ import annotations

import os
from collections.abc import Sequence

from textattack.datasets import Dataset

from ..data.tables import read_table
from .rows import RowsDataset


def table(
    path: str | os.PathLike[str],
    columns: Sequence[str],
    label: str = "label",
    label_names: Sequence[str] = (),
    *,
    start: int = 0,
    count: int | None = None,
) -> Dataset:
    """Reads named columns of a CSV, TSV or JSON lines file; see `read_table`.

    Raises:
        InvalidInputError: the file is missing, truncated, of another kind, or lacks a column; a
            tokenizer cannot read a text; or a label is no class.
    """
    rows = read_table(path, columns, label, label_names, start=start, count=count)
    return RowsDataset(rows, columns, label_names, first=start)
