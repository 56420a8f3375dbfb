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
    return RowsDataset(published.sst2(source, split), ["text"])


def dream(source: Source, split: str = "validation") -> Dataset:
    """DREAM: JSON, a list of (turns, questions, id); turns are joined by a space.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """
    return _questions(published.dream(source, split))


def hellaswag(source: Source, split: str = "validation") -> Dataset:
    """HellaSwag: JSON lines with ctx, endings and label; there is no question.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """
    return _questions(published.hellaswag(source, split))


def reclor(source: Source, split: str = "validation") -> Dataset:
    """ReClor: JSON, a list of objects with context, question, answers and label.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """
    return _questions(published.reclor(source, split))


def _questions(rows: list[Row]) -> Dataset:
    choices = len(rows[0][0]) - 2
    numbered = (f"choice {number + 1}" for number in range(choices))
    return RowsDataset(rows, ["context", "question", *numbered])
