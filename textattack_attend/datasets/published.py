"""Makes data sets for TextAttack of the paper's files, as published or on the hub.

A question has the columns context, question, and one for each choice; its label is the position of
the answer. Every function reads and checks only the examples that are asked for: at most ``count``
of them, or all, from position ``start`` on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textattack.datasets import Dataset

from ..data.labelled import Labelled, published_examples
from ..data.published import Source
from .rows import RowsDataset


def published(
    name: str,
    source: Source,
    split: str = "validation",
    *,
    start: int = 0,
    count: int | None = None,
) -> Dataset:
    """Reads a published data set.

    Args:
        name: the name of the data set.
        source: the file, or the name on the hub.
        split: the split of the data set on the hub.
        start: the position of the first example to read.
        count: the most examples to read; None for all.

    Raises:
        InvalidInputError: there is no data set of this name, or the file is missing, empty, or of
            another format.
    """
    found = published_examples(name, source, split, start=start, count=count)
    return dataset_of(found, start, f"{source}^{name}")


sst2: Callable[..., Dataset] = partial(published, "sst2")
dream: Callable[..., Dataset] = partial(published, "dream")
hellaswag: Callable[..., Dataset] = partial(published, "hellaswag")
reclor: Callable[..., Dataset] = partial(published, "reclor")


def dataset_of(labelled: Labelled, first: int = 0, source: str = "data") -> RowsDataset:
    """Makes a data set with named columns of sentences or questions.

    Args:
        labelled: sentences, or questions with their choices, and the label of each.
        first: the position of the first row in its file.
        source: the name of the data, which messages begin with.
    """
    choices = len(labelled.rows[0][0]) - 2
    numbered = (f"choice {number + 1}" for number in range(choices))
    columns = ["context", "question", *numbered] if choices > 0 else ["text"]
    return RowsDataset.of(labelled, columns, first, source)
