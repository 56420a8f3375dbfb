"""Datasets by name: a file's, as ``--dataset-from-file PATH^NAME``, or TextAttack's own."""

from __future__ import annotations

from textattack import DatasetArgs
from textattack.dataset_args import HUGGINGFACE_DATASET_BY_MODEL, TEXTATTACK_DATASET_BY_MODEL
from textattack.datasets import Dataset

from ..data.tables import ENDINGS
from ..errors import InvalidInputError, did_you_mean, reason_of
from .published import dream, hellaswag, reclor, sst2
from .table import table

PUBLISHED = {"sst2": sst2, "dream": dream, "hellaswag": hellaswag, "reclor": reclor}
FILE_ENDINGS = (*ENDINGS, ".json")


def is_data_file(path: str) -> bool:
    """Whether a path ends as files of examples do, in small letters or capitals."""
    return path.lower().endswith(FILE_ENDINGS)


def from_name(path: str, name: str, *, start: int = 0, count: int | None = None) -> Dataset:
    """Reads a data file.

    Args:
        path: of the file.
        name: sst2, dream, hellaswag or reclor for a file as published; or the columns of a table
            and last that of the label, as ``premise,hypothesis,label``.
        start: position of the first example that is asked for; only those are checked.
        count: how many examples are asked for at most; all by default.

    Raises:
        InvalidInputError: the name is neither, or the file is missing or of another format.
    """
    if name in PUBLISHED:
        return PUBLISHED[name](path, start=start, count=count)
    *columns, label = name.split(",")
    if not columns:
        raise InvalidInputError(
            f"{path}^{name}: expected one of {', '.join(PUBLISHED)} behind the file, or columns "
            f"and last that of the label, as text,label{did_you_mean(name, PUBLISHED)}"
        )
    return table(path, columns, label, start=start, count=count)


def dataset_named(data: str, *, start: int = 0, count: int | None = None) -> Dataset:
    """Reads what PATH^NAME says, or the data set that TextAttack has for a model of that name.

    Args:
        data: the name of the data set.
        start: position of the first example that is asked for.
        count: how many examples are asked for at most; all by default. TextAttack's own data sets
            are loaded whole, and nothing of them is checked.

    Raises:
        InvalidInputError: the data set cannot be found or loaded.
    """
    path, caret, name = data.partition("^")
    if caret:
        return from_name(path, name, start=start, count=count)
    known = {**HUGGINGFACE_DATASET_BY_MODEL, **TEXTATTACK_DATASET_BY_MODEL}
    if data not in known:
        raise InvalidInputError(
            "data: expected PATH^NAME, or the name of a data set of TextAttack, got "
            f"{data!r}{did_you_mean(data, known)}"
        )
    try:
        return DatasetArgs._create_dataset_from_args(DatasetArgs(dataset_by_model=data))
    except Exception as error:  # every loader and every network has errors of its own
        raise InvalidInputError(
            f"data: the data set that TextAttack has for {data!r} could not be loaded "
            f"({type(error).__name__}: {reason_of(error)}); give a file as PATH^NAME"
        ) from error
