"""The published data sets by name: each file of this package registers the one that it reads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ...errors import InvalidInputError, reason_of
from ...files import lines_of, text_of
from ...files.strict_json import json_in_file
from ...registry import Registry
from ..cells import require_class, shown

Example = tuple[tuple[str, ...], int]
"""The parts of a text, and its label."""
Source = str | os.PathLike[str]
"""The path of a file, or the name of a data set on the hub."""
ENDINGS = (".tsv", ".txt", ".json", ".jsonl")
"""The endings by which a name is a file, even a missing one; other names are on the hub."""
Entries = Iterator[tuple[str, Any]]
"""The place of each entry, which messages name, and the entry, which becomes one example."""


@dataclass(frozen=True)
class PublishedSet:
    """A data set in the format of those who published it.

    Args:
        entries: a function that yields the entries of a file.
        example: a function that makes an example of an entry, which messages place; it raises
            KeyError, TypeError or ValueError for an entry of another form.
        expected: an entry in words, for the messages.
        files: the patterns of the files to train on and to evaluate on.
        is_multiple_choice: true if each text has a context, a question and choices.
        label_names: the names of the classes in the order of their numbers, if they have names.
        chosen: a function that leaves out entries of a file or of the hub; none by default.
    """

    entries: Callable[[Path], Entries]
    example: Callable[[Any, str], Example]
    expected: str
    files: tuple[str, str]
    is_multiple_choice: bool = False
    label_names: tuple[str, ...] = ()
    chosen: Callable[[Entries], Entries] = iter

    def __call__(
        self,
        source: Source,
        split: str = "validation",
        *,
        start: int = 0,
        count: int | None = None,
    ) -> list[Example]:
        """Reads examples.

        Args:
            source: the file, or the name on the hub.
            split: the split of the data set on the hub.
            start: position of the first example to read; only those that are read are checked.
            count: the most examples that are read; all by default.

        Raises:
            InvalidInputError: the file is missing, empty, truncated, or of another format.
        """
        stop = None if count is None else start + count
        entries = islice(self.chosen(self._entries_of(source, split)), start, stop)
        found = [self._example_of(entry, f"{source}: {place}") for place, entry in entries]
        if not found:
            got = f"none after {start}" if start else "an empty file"
            raise InvalidInputError(f"{source}: expected {self.expected}, got {got}")
        if self.is_multiple_choice:
            _require_even(found, source, start)
        return found

    def _entries_of(self, source: Source, split: str) -> Entries:
        return self.entries(Path(source)) if is_file(source) else _hub_entries(str(source), split)

    def _example_of(self, entry: Any, place: str) -> Example:
        try:
            return self.example(entry, place)
        except InvalidInputError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(
                f"{place}: expected {self.expected}, got {shown(entry)} "
                f"({type(error).__name__}: {error})"
            ) from error


PUBLISHED: Registry[PublishedSet] = Registry("data set", __package__)


def _require_even(examples: list[Example], source: Source, start: int) -> None:
    """Refuses questions that have not as many choices as the first, or fewer than 2."""
    choices = len(examples[0][0]) - 2
    for number, (texts, _) in enumerate(examples, start + 1):
        if len(texts) - 2 != choices or choices < 2:
            raise InvalidInputError(
                f"{source}: question {number}: expected {max(2, choices)} choices, got "
                f"{len(texts) - 2}"
            )


def position_of(label: Any, choices: tuple[str, ...], place: str) -> int:
    """Returns the position of the answer among the choices.

    Raises:
        ValueError: there is no such choice.
        InvalidInputError: the label is no whole number.
    """
    position = require_class(label, (), place)
    if position >= len(choices):
        raise ValueError(f"label {position} of {len(choices)} choices")
    return position


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

    from ...checkpoints.custom_code import never_asking

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


def json_list(path: Path) -> Entries:
    """Yields the entries of a list in JSON."""
    entries = json_in_file(text_of(path), path, 1)
    if not isinstance(entries, list):
        raise InvalidInputError(f"{path}: expected a list, got {type(entries).__name__}")
    for number, entry in enumerate(entries, 1):
        yield f"entry {number}", entry


def lines(path: Path) -> Entries:
    """Yields the lines of a file that are not empty."""
    for number, line in enumerate(lines_of(path), 1):
        if line.strip():
            yield f"line {number}", line


def json_lines(path: Path) -> Entries:
    """Yields the JSON of the lines of a file that are not empty."""
    for number, line in enumerate(lines_of(path), 1):
        if line.strip():
            yield f"line {number}", json_in_file(line, path, number)
