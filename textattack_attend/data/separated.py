"""Reads the cells of .csv and .tsv files, and decides whether a .tsv uses quotation marks.

Spreadsheets define how a .csv is quoted. A .tsv is written in one of two ways, and does not say
which:

- *Plain*: a tab or a newline ends a cell wherever it is, and quotation marks are text. SST-2 and
  the other sets of GLUE are written so.
- *Quoted*: pandas, the csv module and spreadsheets write so. A cell that holds a tab, a newline
  or a quotation mark stands between quotation marks, and those within are doubled.

A file is read as quoted if all of it can have been written so: every quotation mark belongs to a
quoted cell, every line has as many cells as the first, and every quoted cell has a reason, which is
a tab, a newline, a quotation mark or, for spreadsheets, a comma. Where the names in the first line
are quoted, no cell needs a reason. Every other file is plain, but for one thing: a cell that begins
and ends with a quotation mark and in which all others are doubled is a quoted one there, too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import InvalidInputError
from ..files import lines_in, text_of

Line = tuple[int, list[str]]
"""The number of the line in the file at which a row ends, and the cells of the row."""
QUOTED = re.compile(r'"((?:[^"]|"")*+)"(\t|\r?\n|\Z)')
PLAIN = re.compile(r"([^\"\t\n]*+)(\t|\n|\Z)")
REASONS = re.compile('[\t\n\r",]')
ANY_LENGTH = 2**31 - 1
"""The largest value that `csv.field_size_limit` accepts on every platform."""


def comma_separated(path: Path) -> Iterator[Line]:
    """Yields the lines of a .csv that are not blank, and parses no line before it is needed.

    Raises:
        InvalidInputError: the file cannot be read, or a quoted cell does not end.
    """
    reader = csv.reader(io.StringIO(text_of(path), newline=""), strict=True)
    while True:
        allowed = csv.field_size_limit(
            ANY_LENGTH
        )  # the limit is the process's, and other code may rely on it
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise InvalidInputError(
                f"{path}: line {reader.line_num}: expected a complete row, got {error}"
            ) from error
        finally:
            csv.field_size_limit(allowed)
        if cells is None:
            return
        if not _blank(cells):
            yield reader.line_num, cells


def tab_separated(path: Path) -> Iterator[Line]:
    """Yields the lines of a .tsv that are not blank; the module explains its quotation marks.

    Raises:
        InvalidInputError: the file cannot be read.
    """
    text = text_of(path)
    quoted = _quoted_lines(text)
    if quoted is not None:
        yield from quoted
        return
    for number, line in enumerate(lines_in(text), 1):
        cells = line.split("\t")
        if not _blank(cells):
            yield number, [_without_quotes(cell) for cell in cells]


def _quoted_lines(text: str) -> list[Line] | None:
    """Returns the lines of a file that can have been written as quoted; None for a plain file."""
    lines: list[Line] = []
    cells: list[str] = []
    position, number, quoted_names = 0, 1, False
    while position < len(text):
        is_quoted = text[position] == '"'
        found = (QUOTED if is_quoted else PLAIN).match(text, position)
        if found is None:
            return None
        content, end = found.groups()
        quoted_names |= is_quoted and not lines
        if is_quoted and not (quoted_names or REASONS.search(content)):
            return None
        cells.append(content.replace('""', '"') if is_quoted else content)
        number += found[0].count("\n")
        position = found.end()
        if end == "\t" and position < len(text):
            continue
        if not is_quoted:
            cells[-1] = cells[-1].removesuffix("\r")
        if end == "\t":  # the last cell of the file is empty
            cells.append("")
        if not _blank(cells):
            lines.append((number - end.count("\n"), cells))
        cells = []
    width = len(lines[0][1]) if lines else 0
    return lines if all(len(cells) == width for _, cells in lines) else None


def _without_quotes(cell: str) -> str:
    found = QUOTED.fullmatch(cell)
    return found[1].replace('""', '"') if found and '""' in found[1] else cell


def _blank(cells: list[str]) -> bool:
    return not any(cell.strip() for cell in cells) and len(cells) < 2
