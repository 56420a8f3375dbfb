"""The tasks to fine-tune for: the paper's, with the settings of its Table 9, and any table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..data.cells import named
from ..data.labelled import Labelled, published_examples
from ..data.published import PUBLISHED, Source
from ..data.tables import ENDINGS, columns_of, labelled_table
from ..errors import InvalidInputError
from .settings import Settings


@dataclass(frozen=True)
class Task(Settings):
    """A task that a model can learn, with the settings of its training, see `Settings`.

    Args:
        name: the name of the task.
        read: a function that reads a file of the task, or a split of it on the hub.
        files: the patterns of the files to train on and to evaluate on, in the task's folder.
        is_multiple_choice: true if the model scores choices, false if it classifies texts.
        warmup: the share of the steps over which the learning rate grows; then it falls to 0.

    Raises:
        InvalidInputError: a setting is outside its range.
    """

    name: str
    read: Callable[[Source, str], Labelled]
    files: tuple[str, str]
    is_multiple_choice: bool
    warmup: float


def _task(name: str, *row: Any) -> Task:
    """Makes the task of a published data set, with a row of the paper's Table 9."""
    known = PUBLISHED[name]
    columns = ("learning_rate", "batch_size", "epochs", "warmup")
    settings = dict(zip(columns, row, strict=True))
    read = partial(published_examples, name)
    return Task(name, read, known.files, known.is_multiple_choice, **settings)


TASKS = {
    "sst2": _task("sst2", 2e-5, 32, 3, 0.06),
    "dream": _task("dream", 3e-5, 16, 8, 0.1),
    "dream-first": _task("dream-first", 3e-5, 16, 8, 0.1),
    "hellaswag": _task("hellaswag", 2e-5, 32, 3, 0.1),
    "reclor": _task("reclor", 2e-5, 24, 6, 0.06),
}
"""The paper's tasks with its settings (Table 9)."""


def task_of(name: str) -> Task:
    """Returns the task of a name.

    Args:
        name: a published data set; or, for tables (train.csv and dev.csv, .tsv or .jsonl), the
            columns with that of the label last, as ``premise,hypothesis,label``: one or two of
            text, or context, question and one for each choice.

    Raises:
        InvalidInputError: there is no such task.
    """
    if name in TASKS:
        return TASKS[name]
    if name in PUBLISHED:
        return _without_settings(name)
    *columns, label = name.split(",")
    if not columns or len(columns) == 3:
        raise InvalidInputError(
            f"task: expected one of {', '.join(PUBLISHED)}, or columns with that of the label "
            f"last, as text,label, got {name!r}"
        )

    def read(source: Source, split: str) -> Labelled:
        if split:
            raise InvalidInputError(
                f"{source}: expected a folder with train.csv and dev.csv, .tsv or .jsonl"
            )
        return labelled_table(source, columns, label)

    like = TASKS["dream" if len(columns) > 2 else "sst2"]
    return dataclasses.replace(like, name=name, read=read, files=("train.*", "dev.*"))


def _without_settings(name: str) -> Task:
    """Returns the task of a data set that the paper lacks, with the settings of one like it."""
    known = PUBLISHED[name]
    like = TASKS["dream" if known.is_multiple_choice else "sst2"]
    read = partial(published_examples, name)
    return dataclasses.replace(like, name=name, read=read, files=known.files)


def task_and_data(data: str, task: str | None = None) -> tuple[Task, str]:
    """Returns the task that a name of data stands for, and the folder or the name on the hub.

    Args:
        data: FOLDER^FORMAT or FOLDER^COLUMN,...,LABEL, see `task_of`; or the folder alone.
        task: what stands behind the caret, if the folder is given alone.

    Raises:
        InvalidInputError: there is no such task, or none is named, or two are.
    """
    source, _, layout = data.partition("^")
    if layout and task and layout != task:
        raise InvalidInputError(
            f"--data {data}: expected one layout of the data, got another one by --task {task}"
        )
    if not layout and not task:
        raise InvalidInputError(f"{data}: {_layout_of(source)}")
    return task_of(layout or str(task)), source


def _layout_of(source: str) -> str:
    """Returns the end of a message that says how to name a folder of data."""
    tables = sorted(path for path in Path(source).glob("train.*") if path.suffix in ENDINGS)
    columns = columns_of(tables[0]) if tables else []
    if len(columns) < 2:
        return (
            f"expected the layout of the data behind their folder, as "
            f"{', '.join(f'{source}^{name}' for name in PUBLISHED)}, or {source}^text,label for "
            "the columns of train.csv and dev.csv (.tsv, .jsonl)"
        )
    return (
        f"expected the columns behind the folder; {tables[0].name} has {named(columns)}: write "
        f"those of the text and, last, that of the label, as {source}^{','.join(columns)}"
    )


def splits(task: Task, data: Source) -> tuple[Labelled, Labelled]:
    """Reads the examples to train on, and those to evaluate on.

    Args:
        task: the task, which reads its data.
        data: the folder of the task's files, or the name of the data set on the hub.

    Raises:
        InvalidInputError: a file is missing or of another format.
    """
    if Path(data).is_file():
        raise InvalidInputError(
            f"{data}: expected the folder of {task.files[0]} and {task.files[1]}, got a file"
        )
    train, dev = task.files
    if Path(data).is_dir():
        return task.read(_only(Path(data), train), ""), task.read(_only(Path(data), dev), "")
    return task.read(data, "train"), task.read(data, "validation")


def _only(folder: Path, pattern: str) -> Path:
    """Returns the file that matches a pattern; without one, the path that the pattern spells."""
    found = sorted(folder.glob(pattern)) or [folder / pattern]
    if len(found) > 1:
        raise InvalidInputError(
            f"{folder}: expected one file {pattern}, got {', '.join(path.name for path in found)}"
        )
    return found[0]
