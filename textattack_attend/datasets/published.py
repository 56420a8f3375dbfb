"""The paper's data sets for TextAttack, from files as published or from the hub.

A question has the columns context, question, and one for each choice; its label is the position of
the answer.
"""

from __future__ import annotations

from textattack.datasets import Dataset

from .. import published
from ..published import Row, Source
from .rows import RowsDataset


def sst2(source: Source, split: str = "validation") -> Dataset:
    """SST-2: lines of sentence<TAB>label, no header.

    Raises:
        InvalidInputError: the file is missing, empty, or of another format.
    """
    return dataset_of(published.sst2(source, split))


def dream(source: Source, split: str = "validation") -> Dataset:
    """DREAM: JSON, a list of (turns, questions, id); turns are joined by a space.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """
    return dataset_of(published.dream(source, split))


def hellaswag(source: Source, split: str = "validation") -> Dataset:
    """HellaSwag: JSON lines with ctx, endings and label; there is no question.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """
    return dataset_of(published.hellaswag(source, split))


def reclor(source: Source, split: str = "validation") -> Dataset:
    """ReClor: JSON, a list of objects with context, question, answers and label.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """
    return dataset_of(published.reclor(source, split))


def dataset_of(rows: list[Row]) -> Dataset:
    """Sentences, or questions, as a dataset with named columns."""
    choices = len(rows[0][0]) - 2
    numbered = (f"choice {number + 1}" for number in range(choices))
    return RowsDataset(rows, ["context", "question", *numbered] if choices > 0 else ["text"])
