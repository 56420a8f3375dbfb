"""Prints tables: as Markdown into files and pipes, and so that they fit into a terminal."""

from __future__ import annotations

import sys
from itertools import zip_longest
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ..errors.printable import in_one_line
from .terminal import echo

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 100
"""The most characters of a line of a table in a terminal, if the terminal is not narrower."""
WIDEST = 28
"""The most characters of a cell in a terminal before its text is continued below."""
MAIN = (
    *("victim", "attack", "measure", "mean", "low", "high", "first", "second", "difference"),
    *("clean", "robust", "ASR", "queries", "words", "Hamming", "errors"),
)
"""The columns that are shown first where there is no room for all, the most important one first."""


def in_terminal() -> bool:
    """Returns whether standard output is a terminal, whose lines have an end."""
    return sys.stdout is not None and sys.stdout.isatty()


def show(table: pd.DataFrame, rest: str = "a file or a pipe gets the whole table") -> None:
    """Prints a table, in a terminal with as many columns as fit, the most important ones.

    Args:
        table: the table.
        rest: says how to see the columns that are left out.
    """
    from ..benchmark.tables import markdown

    if not in_terminal():
        echo(*markdown(table).split("\n"))
        return
    lines, left_out = fitted(table, min(WIDTH, get_terminal_size((WIDTH, 24)).columns))
    echo(*lines)
    if left_out:
        said = f"left out: {', '.join(left_out)}; {rest}"
        echo(*wrap(said, WIDTH, break_long_words=False, break_on_hyphens=False), err=True)


def fitted(table: pd.DataFrame, width: int = WIDTH) -> tuple[list[str], list[str]]:
    """Returns the lines of a table that fits, and the names of the columns that it leaves out."""
    from ..benchmark.tables import blanked

    columns = {str(name): _cells(str(name), column) for name, column in blanked(table).items()}
    widths = {name: max(map(_width, cells)) for name, cells in columns.items()}
    kept: set[str] = set()
    for name in sorted(columns, key=_rank):
        if sum(widths[one] + 2 for one in kept | {name}) - 2 <= width:
            kept.add(name)
    shown = [name for name in columns if name in kept]
    rows = list(zip(*(columns[name] for name in shown), strict=True))
    rows.insert(1, tuple(["-" * widths[name]] for name in shown))
    lines = [
        "  ".join(
            part.ljust(widths[name]) for name, part in zip(shown, parts, strict=True)
        ).rstrip()
        for row in rows
        for parts in zip_longest(*row, fillvalue="")
    ]
    return lines, [name for name in columns if name not in kept]


def _rank(name: str) -> int:
    """Returns the place of a column among those that are shown; others come after `MAIN`."""
    return MAIN.index(name) if name in MAIN else len(MAIN)


def _cells(name: str, column: pd.Series) -> list[list[str]]:
    """Returns the lines of the heading and of every cell of a column."""
    return [wrap(_said(value), WIDEST) or [""] for value in (name, *column)]


def _width(lines: list[str]) -> int:
    return max(map(len, lines))


def _said(value: Any) -> str:
    """Returns a value as it is read; a fraction with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else in_one_line(str(value))
