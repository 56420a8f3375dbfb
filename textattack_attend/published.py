"""Data sets of the paper, as published and on the hub: SST-2, DREAM, HellaSwag, ReClor.

Every reader takes a file in the data set's own format, or the name of a data set on the hub
(``org/name``, or ``org/name@revision``) and a split of it. It gives rows: the parts of a text, and
its label. A sentence has one part; a question has the parts context, question, and one for each
choice, and its label is the position of the answer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .errors import InvalidInputError
from .files import lines_of, parsed, text_of

Row = tuple[tuple[str, ...], int]
"""The parts of a text; its label."""
Source = str | os.PathLike[str]
"""A file, or the name of a data set on the hub."""
ENDINGS = (".tsv", ".txt", ".json", ".jsonl")
"""Of files, which may be missing; any other name is one on the hub, as ``org/name@v1.0``."""
Entries = Iterator[tuple[str, Any]]
"""Each with its place, for messages."""


def sst2(source: Source, split: str = "validation") -> list[Row]:
    """Lines of sentence<TAB>label, no header; on the hub, sentence and label.

    Raises:
        InvalidInputError: the file is missing, empty, or of another format.
    """

    def rows(entry: Any) -> Iterator[Row]:
        if isinstance(entry, dict):
            yield (entry["sentence"],), int(entry["label"])
            return
        sentence, tab, label = entry.rpartition("\t")
        if not tab or not label.isdigit():
            raise ValueError("no label")
        yield (sentence,), int(label)

    return _read(source, split, _lines, rows, "sentence<TAB>label")


def dream(source: Source, split: str = "validation") -> list[Row]:
    """DREAM: JSON, a list of (turns, questions, id); turns are joined by a space.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """

    def rows(entry: Any) -> Iterator[Row]:
        if isinstance(entry, dict):  # the hub has an entry for each question
            turns, questions = entry["dialogue"], [entry]
        else:
            turns, questions, _ = entry
        for asked in questions:
            choices = tuple(asked["choice"])
            yield (" ".join(turns), asked["question"], *choices), choices.index(asked["answer"])

    expected = "(turns, questions, id) with an answer among its choices"
    return _even(_read(source, split, _json_list, rows, expected), source)


def hellaswag(source: Source, split: str = "validation") -> list[Row]:
    """HellaSwag: JSON lines with ctx, endings and label; there is no question.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """

    def rows(entry: Any) -> Iterator[Row]:
        endings = entry["endings"]
        yield (entry["ctx"], "", *endings), _position(int(entry["label"]), endings)

    expected = "an object with ctx, endings and the label of one of them"
    return _even(_read(source, split, _json_lines, rows, expected), source)


def reclor(source: Source, split: str = "validation") -> list[Row]:
    """ReClor: JSON, a list of objects with context, question, answers and label.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """

    def rows(entry: Any) -> Iterator[Row]:
        answers = entry["answers"]
        label = _position(int(entry["label"]), answers)
        yield (entry["context"], entry["question"], *answers), label

    expected = "an object with context, question, answers and a label"
    return _even(_read(source, split, _json_list, rows, expected), source)


def _position(label: int, choices: list[str]) -> int:
    if not 0 <= label < len(choices):
        raise ValueError(f"label {label} of {len(choices)} choices")
    return label


def _read(
    source: Source,
    split: str,
    entries_of: Callable[[Path], Entries],
    rows: Callable[[Any], Iterator[Row]],
    expected: str,
) -> list[Row]:
    path = Path(source)
    is_file = path.is_file() or path.suffix in ENDINGS
    found: list[Row] = []
    for place, entry in entries_of(path) if is_file else _hub_entries(str(source), split):
        try:
            found += rows(entry)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(
                f"{source}: {place}: expected {expected}, got {str(entry)[:60]!r} "
                f"({type(error).__name__}: {error})"
            ) from error
    if not found:
        raise InvalidInputError(f"{source}: expected {expected}, got an empty file")
    return found


def _even(rows: list[Row], source: Source) -> list[Row]:
    """The same, if every question has as many choices as the first, and at least 2."""
    choices = len(rows[0][0]) - 2
    for number, (texts, _) in enumerate(rows, 1):
        if len(texts) - 2 != choices or choices < 2:
            raise InvalidInputError(
                f"{source}: question {number}: expected {max(2, choices)} choices, got "
                f"{len(texts) - 2}"
            )
    return rows


def _hub_entries(source: str, split: str) -> Entries:
    from datasets import load_dataset  # takes a second, and most sources are files

    name, _, revision = source.partition("@")
    try:
        entries = load_dataset(name, split=split, revision=revision or None)
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidInputError(
            f"{source}: expected a file as published, or the name of a data set on the hub with "
            f"the split {split!r}; it could not be loaded ({str(error).splitlines()[0]})"
        ) from error
    for number, entry in enumerate(entries, 1):
        yield f"entry {number}", entry


def _json_list(path: Path) -> Entries:
    entries = parsed(text_of(path), path, 1)
    if not isinstance(entries, list):
        raise InvalidInputError(f"{path}: expected a list, got {type(entries).__name__}")
    for number, entry in enumerate(entries, 1):
        yield f"entry {number}", entry


def _lines(path: Path) -> Entries:
    for number, line in enumerate(lines_of(path), 1):
        yield f"line {number}", line


def _json_lines(path: Path) -> Entries:
    for number, line in enumerate(lines_of(path), 1):
        if line.strip():
            yield f"line {number}", parsed(line, path, number)
