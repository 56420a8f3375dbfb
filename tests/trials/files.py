"""Files that the trials write and read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textattack_attend.data import published
from textattack_attend.data.tables import read_table

HALF = "half \ud83d of it"
"""A text with half of a surrogate pair."""


def written(path: Path, content: str | bytes) -> Path:
    """Writes a file as it is, without other line ends."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(*entries: Any) -> str:
    """Returns values as JSON lines."""
    return "".join(f"{json.dumps(entry)}\n" for entry in entries)


def rows(
    name: str,
    content: str | bytes,
    columns: tuple[str, ...] = ("text",),
    **options: Any,
) -> Callable[[Path], Any]:
    """Reads a table with a name and a content."""

    def run(folder: Path) -> Any:
        return read_table(written(folder / name, content), columns, **options)

    return run


def paper(read: Callable[..., Any], content: Any, **options: Any) -> Callable[[Path], Any]:
    """Reads a data set of the paper, whose file has a text, or JSON, or lines of JSON."""

    def run(folder: Path) -> Any:
        text = content
        if not isinstance(content, str):
            lines = read is published.hellaswag
            text = "\n".join(map(json.dumps, content)) if lines else json.dumps(content)
        return read(written(folder / "data.tsv", text), **options)

    return run
