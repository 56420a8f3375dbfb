"""Makes a data set for TextAttack of any table."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..data.tables import labelled_table, read_table
from .rows import RowsDataset


def table(
    path: str | os.PathLike[str],
    columns: Sequence[str],
    label: str = "label",
    label_names: Sequence[str] = (),
    *,
    start: int = 0,
    count: int | None = None,
) -> RowsDataset:
    """Reads named columns of a CSV, TSV or JSON lines file; see `read_table`.

    Labels that are words are placed by the names of the model's classes: those of its
    configuration, unless they are given here.

    Raises:
        InvalidInputError: the file is missing, truncated, of another kind, or lacks a column; a
            tokenizer cannot read a text; or a label is no class.
    """
    if not label_names:
        found = labelled_table(path, columns, label, start=start, count=count)
        return RowsDataset.of(found, columns, start, f"{path}^{','.join([*columns, label])}")
    rows = read_table(path, columns, label, label_names, start=start, count=count)
    return RowsDataset(rows, columns, label_names, first=start)
