"""Finds data sets by name: files and data of the hub, the embedded reviews, or TextAttack's own."""

from __future__ import annotations

from textattack import DatasetArgs
from textattack.dataset_args import HUGGINGFACE_DATASET_BY_MODEL, TEXTATTACK_DATASET_BY_MODEL
from textattack.datasets import Dataset

from ..data.data_name import DataName, parsed
from ..demo import NAME
from ..errors import InvalidInputError, did_you_mean, reason_of
from .demo_reviews import DemoReviews
from .published import dataset_of
from .rows import RowsDataset

DEMO = ("demo", NAME)
"""The names of the embedded reviews."""


def from_name(path: str, name: str, *, start: int = 0, count: int | None = None) -> Dataset:
    """Reads a data file.

    Args:
        path: the path of the file.
        name: what stands behind the caret of `parsed`: the name of a published data set, as sst2
            or dream; or the columns of a table, that of the label last, as in
            ``premise,hypothesis,label``.
        start: the position of the first example to read; only examples that are read are checked.
        count: the most examples to read; None for all.

    Raises:
        InvalidInputError: the name is neither, or the file is missing or of another format.
    """
    return _read(parsed(f"{path}^{name}"), start, count)


def dataset_named(data: str, *, start: int = 0, count: int | None = None) -> Dataset:
    """Reads the data of a name, see `data.data_name`.

    Args:
        data: PATH^NAME, or the name of the embedded reviews, or TextAttack's name of a model.
        start: the position of the first example to read.
        count: the most examples to read; None for all. The embedded reviews and TextAttack's own
            data sets are loaded whole and not checked.

    Raises:
        InvalidInputError: the data set cannot be found or loaded.
    """
    name = parsed(data)
    if name.layout:
        return _read(name, start, count)
    if data in DEMO:
        return DemoReviews()
    return _of_textattack(data)


def for_model(dataset: Dataset, names: tuple[str, ...]) -> Dataset:
    """Returns a data set with the labels of a model, placed by name; TextAttack's own stays.

    Args:
        dataset: any data set of TextAttack's class.
        names: the names of the model's classes in its order; empty if nobody names them.

    Raises:
        InvalidInputError: see `RowsDataset.for_model`.
    """
    return dataset.for_model(names) if isinstance(dataset, RowsDataset) else dataset


def _read(name: DataName, start: int, count: int | None) -> Dataset:
    found = name.read(start, count)
    source = f"{name.source}^{name.layout}"
    if name.columns:
        return RowsDataset.of(found, name.columns[:-1], start, source)
    return dataset_of(found, start, source)


def _of_textattack(data: str) -> Dataset:
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
