"""Tables: texts and labels in named columns of a CSV, TSV or JSON lines file."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from .errors import InvalidInputError
from .files import lines_of, parsed, text_of
from .published import Row

DELIMITERS = {".csv": ",", ".tsv": "\t"}
# A tab ends a cell wherever it is; in the texts of a .tsv quotation marks are just that.
QUOTING: dict[str, Literal[0, 3]] = {".csv": csv.QUOTE_MINIMAL, ".tsv": csv.QUOTE_NONE}
ENDINGS = (*DELIMITERS, ".jsonl")


def read_table(
    path: str | os.PathLike[str],
    columns: Sequence[str],
    label: str = "label",
    label_names: Sequence[str] = (),
) -> list[Row]:
    """The rows of a table whose first line names its columns, or of JSON lines.

    Args:
        path: a .csv (quoted as spreadsheets do), .tsv or .jsonl file.
        columns: of the text, in the order in which the model reads them; for multiple choice
            context, question, and one for each choice.
        label: column of the label: a class, counted from 0, or a name of one.
        label_names: of the classes in the order of the model's, where labels are names.

    Raises:
        InvalidInputError: the file is missing, truncated, of another kind, or lacks a column; or a
            label is no class.
    """
    path = Path(path)
    if path.suffix not in ENDINGS:
        raise InvalidInputError(f"{path}: expected a file that ends in {', '.join(ENDINGS)}")
    rows: list[Row] = []
    for number, entry in _json_lines(path) if path.suffix == ".jsonl" else _lines(path):
        place = f"{path}: line {number}"
        texts = tuple(str(_cell(entry, column, place)) for column in columns)
        rows.append((texts, _class(_cell(entry, label, place), label_names, place)))
    if not rows:
        raise InvalidInputError(f"{path}: expected rows with {', '.join(columns)}, got none")
    return rows


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with io.StringIO(text_of(path)) as file:
        delimiter = DELIMITERS[path.suffix]
        lines = csv.reader(file, quoting=QUOTING[path.suffix], delimiter=delimiter, strict=True)
        try:
            names = next(lines, [])
            for cells in filter(None, lines):
                if len(cells) != len(names):
                    raise InvalidInputError(
                        f"{path}: line {lines.line_num}: expected {len(names)} cells "
                        f"({', '.join(names)}), got {len(cells)}"
                    )
                yield lines.line_num, dict(zip(names, cells, strict=True))
        except csv.Error as error:
            raise InvalidInputError(
                f"{path}: line {lines.line_num}: expected a complete row, got {error}"
            ) from error


def _json_lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(lines_of(path), 1):
        if not line.strip():
            continue
        entry = parsed(line, path, number)
        if not isinstance(entry, dict):
            raise InvalidInputError(
                f"{path}: line {number}: expected an object, got {type(entry).__name__}"
            )
        yield number, entry


def _cell(entry: Mapping[str, Any], column: str, place: str) -> Any:
    if entry.get(column) is None:
        raise InvalidInputError(
            f"{place}: expected a column {column!r}, got the columns {', '.join(entry)}"
        )
    return entry[column]


def _class(value: Any, names: Sequence[str], place: str) -> int:
    if value in names:
        return names.index(value)
    try:
        number = int(value)
        whole = number == float(value)
    except (OverflowError, TypeError, ValueError):
        whole = False
    if not whole or number < 0:
        known = f"one of {', '.join(names)}" if names else "a class counted from 0"
        raise InvalidInputError(
            f"{place}: expected {known} as label, got {str(value)[:60]!r}; names of classes are "
            "given as label_names, in the order of the model"
        )
    return number
