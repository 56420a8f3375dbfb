"""Makes data sets for TextAttack of the paper's files, as published or on the hub.

A question has the columns context, question, and one for each choice; its label is the position of
the answer. Every function reads and checks only the examples that are asked for: at most ``count``
of them, or all, from position ``start`` on.
"""

from __future__ import annotations

from textattack.datasets import Dataset

from ..data import published
from ..data.published import Example, Source
from .rows import RowsDataset


def sst2(
    source: Source, split: str = "validation", *, start: int = 0, count: int | None = None
) -> Dataset:
    """Reads SST-2: lines of sentence<TAB>label without a header.

    Raises:
        InvalidInputError: the file is missing, empty, or of another format.
    """
    return dataset_of(published.sst2(source, split, start=start, count=count), start)


def dream(
    source: Source, split: str = "validation", *, start: int = 0, count: int | None = None
) -> Dataset:
    """Reads DREAM: JSON, a list of (turns, questions, id); turns are joined by a space.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """
    return dataset_of(published.dream(source, split, start=start, count=count), start)


def hellaswag(
    source: Source, split: str = "validation", *, start: int = 0, count: int | None = None
) -> Dataset:
    """Reads HellaSwag: JSON lines with ctx, endings and label; there is no question.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """
    return dataset_of(published.hellaswag(source, split, start=start, count=count), start)


def reclor(
    source: Source, split: str = "validation", *, start: int = 0, count: int | None = None
) -> Dataset:
    """Reads ReClor: JSON, a list of objects with context, question, answers and label.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """
    return dataset_of(published.reclor(source, split, start=start, count=count), start)


def dataset_of(rows: list[Example], first: int = 0) -> Dataset:
    """Makes a data set with named columns of sentences or questions.

    Args:
        rows: sentences, or questions with their choices, and the label of each.
        first: the position of the first row in its file.
    """
    choices = len(rows[0][0]) - 2
    numbered = (f"choice {number + 1}" for number in range(choices))
    columns = ["context", "question", *numbered] if choices > 0 else ["text"]
    return RowsDataset(rows, columns, first=first)
