"""Finds data sets by name: files, named as PATH^NAME, or TextAttack's own."""

from __future__ import annotations

from textattack import DatasetArgs
from textattack.dataset_args import HUGGINGFACE_DATASET_BY_MODEL, TEXTATTACK_DATASET_BY_MODEL
from textattack.datasets import Dataset

from ..data.published import PUBLISHED
from ..data.tables import ENDINGS
from ..errors import InvalidInputError, did_you_mean, reason_of
from .published import published
from .table import table

FILE_ENDINGS = (*ENDINGS, ".json")


def is_data_file(path: str) -> bool:
    """Returns whether a path ends as files of examples do, in small letters or capitals."""
    return path.lower().endswith(FILE_ENDINGS)


def from_name(path: str, name: str, *, start: int = 0, count: int | None = None) -> Dataset:
    """Reads a data file.

    Args:
        path: the path of the file.
        name: the name of a published data set, as sst2 or dream, for its file; or the columns of a
            table, that of the label last, as in ``premise,hypothesis,label``.
        start: the position of the first example to read; only examples that are read are checked.
        count: the most examples to read; None for all.

    Raises:
        InvalidInputError: the name is neither, or the file is missing or of another format.
    """
    if name in PUBLISHED:
        return published(name, path, start=start, count=count)
    *columns, label = name.split(",")
    if not columns:
        raise InvalidInputError(
            f"{path}^{name}: expected one of {', '.join(PUBLISHED)} behind the file, or columns "
            f"with that of the label last, as text,label{did_you_mean(name, PUBLISHED)}"
        )
    return table(path, columns, label, start=start, count=count)


def dataset_named(data: str, *, start: int = 0, count: int | None = None) -> Dataset:
    """Reads the file that PATH^NAME names, or the data set that TextAttack has for a model.

    Args:
        data: PATH^NAME, see `from_name`, or TextAttack's name of a model.
        start: the position of the first example to read.
        count: the most examples to read; None for all. TextAttack's own data sets are loaded whole
            and not checked.

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
