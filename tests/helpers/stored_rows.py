"""Reads the rows of a store as they lie in its file."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

Rows = dict[tuple[str, int], dict[str, Any]]
"""Rows by cell and position."""


def rows_in(store: Path) -> Rows:
    """Reads the rows of a store from a copy of its files, as reading them may mend them."""
    with tempfile.TemporaryDirectory() as folder:
        for ending in ("", "-wal"):
            file = Path(f"{store}{ending}")
            if file.exists():
                shutil.copy(file, Path(folder) / f"copy{ending}")
        with closing(sqlite3.connect(Path(folder) / "copy")) as database:
            database.row_factory = sqlite3.Row
            try:
                rows = database.execute("select * from examples").fetchall()
            except sqlite3.OperationalError:  # there is no table yet
                return {}
    return {(row["cell"], row["position"]): dict(row) for row in rows}


def timeless(rows: Rows) -> Rows:
    """Returns rows without the times, which every run measures anew."""
    return {at: {k: v for k, v in row.items() if k != "seconds"} for at, row in rows.items()}
