"""Reads texts and labels from named columns of a CSV, TSV or JSON lines file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError, did_you_mean
from ..errors.printable import in_one_line
from ..files import lines_of
from ..files.strict_json import json_in_file
from .cells import comparable, is_word, named, require_class, require_text, shown
from .labelled import Labelled
from .published import Example
from .separated import Line, comma_separated, tab_separated

SEPARATED = {".csv": comma_separated, ".tsv": tab_separated}
ENDINGS = (*SEPARATED, ".jsonl")
Values = Iterator[tuple[str, list[Any]]]
"""The place of each row, which messages name, and the row's values in the wanted columns."""


def read_table(
    path: str | os.PathLike[str],
    columns: Sequence[str],
    label: str = "label",
    label_names: Sequence[str] = (),
    *,
    start: int = 0,
    count: int | None = None,
) -> list[Example]:
    """Reads examples from a table whose first line names its columns, or from JSON lines.

    Only the rows that are asked for are checked.

    Args:
        path: a .csv (quoted as by spreadsheets), .tsv (see `data.separated`) or .jsonl file.
        columns: the columns of the text, in the order in which the model reads them; for multiple
            choice these are the context, the question, and one for each choice.
        label: the column of the label, which is a class, counted from 0, or the name of one.
        label_names: the names of the classes in the model's order, if labels are names.
        start: the position of the first row to read, counted from 0.
        count: the most rows to read; None for all.

    Raises:
        InvalidInputError: the file is missing, truncated, of another kind, or lacks a column; a
            tokenizer cannot read a text; or a label is no class.
    """
    values = _values(path, columns, label, start, count)
    return [_row(columns, given, label_names, place) for place, given in values]


def labelled_table(
    path: str | os.PathLike[str],
    columns: Sequence[str],
    label: str = "label",
    *,
    start: int = 0,
    count: int | None = None,
) -> Labelled:
    """Reads examples of a table as `read_table` does, whether its labels are numbers or words.

    Args:
        path: see `read_table`.
        columns: see `read_table`.
        label: the column of the label, which holds classes, counted from 0, or their names.
        start: see `read_table`.
        count: see `read_table`.

    Raises:
        InvalidInputError: see `read_table`; or some labels are numbers, and others are words.
    """
    values = _values(path, columns, label, start, count)
    _, (*_, first) = values[0]
    if not is_word(first):
        return Labelled([_row(columns, given, (), place) for place, given in values])
    for place, (*_, value) in values:
        if not is_word(value):
            raise InvalidInputError(
                f"{place}: expected the name of a class as label, as {shown(first)} in the rows "
                f"before, got {shown(value)}"
            )
    words = {comparable(value): in_one_line(value.strip()) for _, (*_, value) in reversed(values)}
    names = [words[key] for key in sorted(words)]
    rows = [_row(columns, given, names, place) for place, given in values]
    return Labelled(rows, tuple(names), are_words=True)


def columns_of(path: str | os.PathLike[str]) -> list[str]:
    """Returns the names of a table's columns, which its first line has.

    Raises:
        InvalidInputError: the file is missing, empty, or no table.
    """
    path = Path(path)
    if _ending_of(path) in SEPARATED:
        _, names = next(SEPARATED[path.suffix.lower()](path), (1, []))
        return list(names)
    for number, line in _json_lines(path):
        entry = json_in_file(line, path, number)
        return list(entry) if isinstance(entry, dict) else []
    return []


def _values(
    path: str | os.PathLike[str],
    columns: Sequence[str],
    label: str,
    start: int,
    count: int | None,
) -> list[tuple[str, list[Any]]]:
    """Returns the place and the values of every row that is asked for; there is at least one."""
    path = Path(path)
    ending = _ending_of(path)
    wanted = [*columns, label]
    _require_different(path, wanted)
    stop = None if count is None else start + count
    if ending == ".jsonl":
        values = _fields(path, wanted, islice(_json_lines(path), start, stop))
    else:
        lines = SEPARATED[ending](path)
        number, names = next(lines, (1, []))
        positions = _positions(f"{path}: line {number}", wanted, names) if names else []
        values = _cells(path, names, positions, islice(lines, start, stop))
    found = list(values)
    if not found:
        raise InvalidInputError(
            f"{path}: expected rows with {named(columns)}, got none"
            + f" after {start}" * bool(start)
        )
    return found


def _ending_of(path: Path) -> str:
    """Returns the ending of a table's name in small letters, or refuses another file."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise InvalidInputError(f"{path}: expected a file that ends in {', '.join(ENDINGS)}")
    return ending


def _require_different(path: Path, wanted: Sequence[str]) -> None:
    """Refuses a column that is asked for twice."""
    for name in wanted:
        if wanted.count(name) > 1:
            raise InvalidInputError(
                f"{path}: expected different columns for the texts and the label, got {name!r} "
                "twice"
            )


def _row(columns: Sequence[str], given: list[Any], names: Sequence[str], place: str) -> Example:
    *texts, label = given
    checked = [
        require_text(text, f"{place}: column {column!r}")
        for column, text in zip(columns, texts, strict=True)
    ]
    return tuple(checked), require_class(label, names, place)


def _positions(place: str, wanted: Sequence[str], names: list[str]) -> list[int]:
    """Returns the positions of the wanted columns, or refuses a header that lacks one."""
    for name in wanted:
        if names.count(name) > 1:
            raise InvalidInputError(
                f"{place}: expected one column {name!r}, got {names.count(name)} of that name; "
                "rename all but one"
            )
        if name not in names:
            raise InvalidInputError(_no_column(place, name, names))
    return [names.index(name) for name in wanted]


def _no_column(place: str, name: str, names: Sequence[str]) -> str:
    alone = "; a comma ends a cell of a .csv, a tab one of a .tsv" if len(names) == 1 else ""
    return (
        f"{place}: expected a column {name!r}, got the columns {named(names) or '(none)'}"
        f"{did_you_mean(name, names) or alone}"
    )


def _cells(path: Path, names: list[str], positions: list[int], lines: Iterable[Line]) -> Values:
    for number, cells in lines:
        if len(cells) != len(names):
            raise InvalidInputError(
                f"{path}: line {number}: expected {len(names)} cells ({named(names)}), got "
                f"{len(cells)}"
            )
        yield f"{path}: line {number}", [cells[position] for position in positions]


def _fields(path: Path, wanted: Sequence[str], lines: Iterable[tuple[int, str]]) -> Values:
    for number, line in lines:
        place = f"{path}: line {number}"
        entry = json_in_file(line, path, number)
        if not isinstance(entry, dict):
            raise InvalidInputError(f"{place}: expected an object, got {shown(entry)}")
        for name in wanted:
            if name not in entry:
                raise InvalidInputError(_no_column(place, name, list(entry)))
        yield place, [entry[name] for name in wanted]


def _json_lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines_of(path), 1):
        if line.strip():
            yield number, line
