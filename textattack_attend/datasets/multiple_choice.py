"""Multiple choice as TextAttack's datasets: DREAM, HellaSwag, ReClor, in their own file formats.

Every example has the columns context, question, and one for each choice; its label is the position
of the answer.
"""

from __future__ import annotations

import os

from textattack.datasets import Dataset

from .. import published


class MultipleChoiceDataset(Dataset):
    """Questions with choices.

    Args:
        rows: of one number of choices.
    """

    def __init__(self, rows: list[published.Row]) -> None:
        choices = len(rows[0][0]) - 2
        columns = ["context", "question", *(f"choice {number + 1}" for number in range(choices))]
        super().__init__(rows, input_columns=columns)


def dream(path: str | os.PathLike[str]) -> MultipleChoiceDataset:
    """DREAM: JSON, a list of (turns, questions, id); turns are joined by a space.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """
    return MultipleChoiceDataset(published.dream(path))


def hellaswag(path: str | os.PathLike[str]) -> MultipleChoiceDataset:
    """HellaSwag: JSON lines with ctx, endings and label; there is no question.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """
    return MultipleChoiceDataset(published.hellaswag(path))


def reclor(path: str | os.PathLike[str]) -> MultipleChoiceDataset:
    """ReClor: JSON, a list of objects with context, question, answers and label.

    Raises:
        InvalidInputError: the file is missing, truncated, or of another format.
    """
    return MultipleChoiceDataset(published.reclor(path))
