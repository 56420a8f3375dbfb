"""Datasets by name, for TextAttack's ``--dataset-from-file PATH^NAME``."""

from __future__ import annotations

from textattack.datasets import Dataset

from ..errors import InvalidInputError
from ..tables import ENDINGS
from .published import dream, hellaswag, reclor, sst2
from .table import table

PUBLISHED = {"sst2": sst2, "dream": dream, "hellaswag": hellaswag, "reclor": reclor}
FILE_ENDINGS = (*ENDINGS, ".json")


def from_name(path: str, name: str) -> Dataset:
    """A data file.

    Args:
        path: of the file.
        name: sst2, dream, hellaswag or reclor for a file as published; or the columns of a table
            and last that of the label, as ``premise,hypothesis,label``.

    Raises:
        InvalidInputError: the name is neither, or the file is missing or of another format.
    """
    if name in PUBLISHED:
        return PUBLISHED[name](path)
    *columns, label = name.split(",")
    if not columns:
        raise InvalidInputError(
            f"{path}^{name}: expected one of {', '.join(PUBLISHED)} behind the file, or columns "
            "and last that of the label, as text,label"
        )
    return table(path, columns, label)
