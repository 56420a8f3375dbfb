"""Reads the data sets of the paper, as published or on the hub: SST-2, DREAM, HellaSwag, ReClor.

Every reader takes a file in the data set's own format, or the name of a data set on the hub
(``org/name``, or ``org/name@revision``) and a split of it. It returns examples: the parts of a text
and its label. A sentence has one part; a question has the parts context, question, and one for each
choice, and its label is the position of the answer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError, reason_of
from ..files import lines_of, text_of
from ..files.strict_json import json_in_file
from .cells import require_class, require_text, require_texts, shown

Example = tuple[tuple[str, ...], int]
"""The parts of a text, and its label."""
Source = str | os.PathLike[str]
"""The path of a file, or the name of a data set on the hub."""
ENDINGS = (".tsv", ".txt", ".json", ".jsonl")
"""The endings by which a name is a file, even a missing one; other names are on the hub."""
Entries = Iterator[tuple[str, Any]]
"""The place of each entry, which messages name, and the entry, which becomes one example."""


def sst2(
    source: Source, split: str = "validation", *, start: int = 0, count: int | None = None
) -> list[Example]:
    """Reads SST-2: lines of sentence<TAB>label without a header; on the hub, those two columns.

    Args:
        source: the file, or the name on the hub.
        split: the split of the data set on the hub.
        start: position of the first row to read; only the rows that are read are checked.
        count: the most rows that are read; all by default.

    Raises:
        InvalidInputError: the file is missing, empty, or of another format.
    """

    def row(entry: Any, place: str) -> Example:
        if isinstance(entry, dict):
            sentence, label = entry["sentence"], entry["label"]
        else:
            sentence, tab, label = entry.rpartition("\t")
            if not tab:
                raise ValueError("no tab")
        if label == "label":
            raise ValueError("the names of columns: read it as a table, as PATH^sentence,label")
        return (require_text(sentence, place),), require_class(label, (), place)

    return _read(source, split, _lines, row, "sentence<TAB>label", start, count)


def dream(
    source: Source, split: str = "validation", *, start: int = 0, count: int | None = None
) -> list[Example]:
    """Reads DREAM: JSON, a list of (turns, questions, id); turns are joined by a space.

    Args:
        source: the file, or the name on the hub.
        split: the split of the data set on the hub.
        start: position of the first question to read; only those that are read are checked.
        count: the most questions that are read; all by default.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """

    def row(entry: Any, place: str) -> Example:
        turns, asked = entry
        choices = require_texts(asked["choice"], place)
        if choices.count(asked["answer"]) != 1:
            raise ValueError(f"{choices.count(asked['answer'])} choices are the answer")
        context = " ".join(require_texts(turns, place))
        question = require_text(asked["question"], place)
        return (context, question, *choices), choices.index(asked["answer"])

    expected = "(turns, questions, id) with an answer among its choices"
    return _even(_read(source, split, _questions, row, expected, start, count), source, start)


def hellaswag(
    source: Source, split: str = "validation", *, start: int = 0, count: int | None = None
) -> list[Example]:
    """Reads HellaSwag: JSON lines with ctx, endings and label; there is no question.

    Args:
        source: the file, or the name on the hub.
        split: the split of the data set on the hub.
        start: position of the first row to read; only the rows that are read are checked.
        count: the most rows that are read; all by default.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """

    def row(entry: Any, place: str) -> Example:
        endings = require_texts(entry["endings"], place)
        label = _position(entry["label"], endings, place)
        return (require_text(entry["ctx"], place), "", *endings), label

    expected = "an object with ctx, endings and the label of one of them"
    return _even(_read(source, split, _json_lines, row, expected, start, count), source, start)


def reclor(
    source: Source, split: str = "validation", *, start: int = 0, count: int | None = None
) -> list[Example]:
    """Reads ReClor: JSON, a list of objects with context, question, answers and label.

    Args:
        source: the file, or the name on the hub.
        split: the split of the data set on the hub.
        start: position of the first row to read; only the rows that are read are checked.
        count: the most rows that are read; all by default.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """

    def row(entry: Any, place: str) -> Example:
        answers = require_texts(entry["answers"], place)
        label = _position(entry["label"], answers, place)
        context, question = (require_text(entry[name], place) for name in ("context", "question"))
        return (context, question, *answers), label

    expected = "an object with context, question, answers and a label"
    return _even(_read(source, split, _json_list, row, expected, start, count), source, start)


def _position(label: Any, choices: tuple[str, ...], place: str) -> int:
    position = require_class(label, (), place)
    if position >= len(choices):
        raise ValueError(f"label {position} of {len(choices)} choices")
    return position


def _read(
    source: Source,
    split: str,
    entries_of: Callable[[Path], Entries],
    row: Callable[[Any, str], Example],
    expected: str,
    start: int,
    count: int | None,
) -> list[Example]:
    entries = entries_of(Path(source)) if is_file(source) else _hub_entries(str(source), split)
    rows: list[Example] = []
    for number, entry in islice(entries, start, None if count is None else start + count):
        place = f"{source}: {number}"
        try:
            rows.append(row(entry, place))
        except InvalidInputError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(
                f"{place}: expected {expected}, got {shown(entry)} "
                f"({type(error).__name__}: {error})"
            ) from error
    if not rows:
        got = f"none after {start}" if start else "an empty file"
        raise InvalidInputError(f"{source}: expected {expected}, got {got}")
    return rows


def _even(rows: list[Example], source: Source, start: int) -> list[Example]:
    """Returns the rows if every question has as many choices as the first, and at least 2."""
    choices = len(rows[0][0]) - 2
    for number, (texts, _) in enumerate(rows, start + 1):
        if len(texts) - 2 != choices or choices < 2:
            raise InvalidInputError(
                f"{source}: question {number}: expected {max(2, choices)} choices, got "
                f"{len(texts) - 2}"
            )
    return rows


def is_file(source: Source) -> bool:
    """Returns whether a source is a file, even a missing one, instead of a name on the hub."""
    path = Path(source)
    return path.is_file() or path.suffix.lower() in ENDINGS


def hub_dataset(source: str, split: str) -> Any:
    """Loads a split of a data set on the hub, whose name may end in ``@revision``.

    Raises:
        InvalidInputError: the data set cannot be loaded.
    """
    from datasets import load_dataset  # takes a second, and most sources are files

    from ..checkpoints.custom_code import never_asking

    name, _, revision = source.partition("@")
    try:
        with never_asking():
            return load_dataset(name, split=split, revision=revision or None)
    except Exception as error:  # every loader and every network has errors of its own
        raise InvalidInputError(
            f"{source}: expected a file as published, or the name of a data set on the hub with "
            f"the split {split!r}; it could not be loaded "
            f"({type(error).__name__}: {reason_of(error)})"
        ) from error


def _hub_entries(source: str, split: str) -> Entries:
    for number, entry in enumerate(hub_dataset(source, split), 1):
        # DREAM has an entry for each question there.
        yield f"entry {number}", (entry["dialogue"], entry) if "dialogue" in entry else entry


def _json_list(path: Path) -> Entries:
    entries = json_in_file(text_of(path), path, 1)
    if not isinstance(entries, list):
        raise InvalidInputError(f"{path}: expected a list, got {type(entries).__name__}")
    for number, entry in enumerate(entries, 1):
        yield f"entry {number}", entry


def _questions(path: Path) -> Entries:
    """Yields the questions of DREAM, each with its turns, and an entry of another form as it is."""
    for place, entry in _json_list(path):
        match entry:
            case [turns, [*questions], _]:
                for asked in questions:
                    yield place, (turns, asked)
            case _:
                yield place, entry


def _lines(path: Path) -> Entries:
    for number, line in enumerate(lines_of(path), 1):
        if line.strip():
            yield f"line {number}", line


def _json_lines(path: Path) -> Entries:
    for number, line in enumerate(lines_of(path), 1):
        if line.strip():
            yield f"line {number}", json_in_file(line, path, number)
