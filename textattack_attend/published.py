"""Data in the file formats as published: SST-2, DREAM, HellaSwag, ReClor.

Every reader gives rows: the parts of a text, and its label. A sentence has one part; a question has
the parts context, question, and one for each choice, and its label is the position of the answer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .errors import InvalidInputError

Row = tuple[tuple[str, ...], int]
"""The parts of a text; its label."""


def sst2(path: str | os.PathLike[str]) -> list[Row]:
    """Lines of sentence<TAB>label, no header.

    Raises:
        InvalidInputError: the file is missing, empty, or of another format.
    """
    rows: list[Row] = []
    for number, line in enumerate(_text(Path(path)).splitlines(), 1):
        sentence, tab, label = line.rpartition("\t")
        if not tab or not label.isdigit():
            raise InvalidInputError(
                f"{path}:{number}: expected sentence<TAB>label, got {line[:60]!r}"
            )
        rows.append(((sentence,), int(label)))
    if not rows:
        raise InvalidInputError(f"{path}: expected sentence<TAB>label lines, got an empty file")
    return rows


def dream(path: str | os.PathLike[str]) -> list[Row]:
    """DREAM: JSON, a list of (turns, questions, id); turns are joined by a space.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """

    def rows(entry: Any) -> Iterator[Row]:
        turns, questions, _ = entry
        for asked in questions:
            choices = tuple(asked["choice"])
            yield (" ".join(turns), asked["question"], *choices), choices.index(asked["answer"])

    return _read(path, _entries, rows, "(turns, questions, id) with an answer among its choices")


def hellaswag(path: str | os.PathLike[str]) -> list[Row]:
    """HellaSwag: JSON lines with ctx, endings and label; there is no question.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """

    def rows(entry: Any) -> Iterator[Row]:
        endings = entry["endings"]
        yield (entry["ctx"], "", *endings), _position(int(entry["label"]), endings)

    return _read(path, _lines, rows, "an object with ctx, endings and the label of one of them")


def reclor(path: str | os.PathLike[str]) -> list[Row]:
    """ReClor: JSON, a list of objects with context, question, answers and label.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """

    def rows(entry: Any) -> Iterator[Row]:
        answers = entry["answers"]
        label = _position(int(entry["label"]), answers)
        yield (entry["context"], entry["question"], *answers), label

    return _read(path, _entries, rows, "an object with context, question, answers and a label")


def _position(label: int, choices: list[str]) -> int:
    if not 0 <= label < len(choices):
        raise ValueError(f"label {label} of {len(choices)} choices")
    return label


def _read(
    path: str | os.PathLike[str],
    entries: Callable[[Path], Iterator[tuple[str, Any]]],
    rows: Callable[[Any], Iterator[Row]],
    expected: str,
) -> list[Row]:
    found: list[Row] = []
    for place, entry in entries(Path(path)):
        try:
            found += rows(entry)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(
                f"{path}: {place}: expected {expected}, got {str(entry)[:60]!r} "
                f"({type(error).__name__}: {error})"
            ) from error
    return _even(found, path)


def _even(rows: list[Row], path: str | os.PathLike[str]) -> list[Row]:
    """The same, if every question has as many choices as the first, and at least 2."""
    if not rows:
        raise InvalidInputError(f"{path}: expected questions, got none")
    choices = len(rows[0][0]) - 2
    for number, (texts, _) in enumerate(rows, 1):
        if len(texts) - 2 != choices or choices < 2:
            raise InvalidInputError(
                f"{path}: question {number}: expected {max(2, choices)} choices, got "
                f"{len(texts) - 2}"
            )
    return rows


def _entries(path: Path) -> Iterator[tuple[str, Any]]:
    """Of a JSON list, with their places."""
    entries = _parsed(_text(path), str(path), 1)
    if not isinstance(entries, list):
        raise InvalidInputError(f"{path}: expected a list, got {type(entries).__name__}")
    for number, entry in enumerate(entries, 1):
        yield f"entry {number}", entry


def _lines(path: Path) -> Iterator[tuple[str, Any]]:
    """Of JSON lines, with their places."""
    for number, line in enumerate(_text(path).splitlines(), 1):
        if line.strip():
            yield f"line {number}", _parsed(line, str(path), number)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path}: cannot be read ({error})") from error


def _parsed(text: str, path: str, first_line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise InvalidInputError(
            f"{path}: line {line}: expected JSON, got an error at column {error.colno} "
            f"({error.msg}); is the file complete?"
        ) from error
