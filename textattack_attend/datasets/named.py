"""Datasets by name: a file's, as ``--dataset-from-file PATH^NAME``, or TextAttack's own."""

from __future__ import annotations

from textattack import DatasetArgs
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


def dataset_named(data: str) -> Dataset:
    """What PATH^NAME says, or the data set that TextAttack has for a model of that name.

    Raises:
        InvalidInputError: it cannot be had.
    """
    path, caret, name = data.partition("^")
    if caret:
        return from_name(path, name)
    try:
        return DatasetArgs._create_dataset_from_args(DatasetArgs(dataset_by_model=data))
    except ValueError as error:
        raise InvalidInputError(
            f"data: expected PATH^NAME, or the name of a data set of TextAttack, got {data!r}"
        ) from error
