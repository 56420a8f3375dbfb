"""The identity of data: the bytes of a file and its format, or else the examples.

It does not depend on how many examples are read, so that a run can grow: with more of them asked
for, the data are the same.
"""

from __future__ import annotations

from pathlib import Path

from textattack.datasets import Dataset

from ..data.published import hub_dataset, is_file
from ..identity.content import digest_of, digest_of_file


def data_identity(data: str, dataset: Dataset) -> str:
    """Returns a digest of what is attacked, wherever it lies.

    Args:
        data: PATH^FORMAT of a file, or TextAttack's name of a data set.
        dataset: the data set that the name stands for.

    Raises:
        InvalidInputError: the file cannot be read.
    """
    path, caret, layout = data.partition("^")
    if not caret:
        return digest_of([_example(dataset, position) for position in range(len(dataset))])
    if is_file(path):
        return digest_of([digest_of_file(Path(path)), layout])
    return digest_of([hub_dataset(path, "validation")._fingerprint, layout])


def _example(dataset: Dataset, position: int) -> list[object]:
    """Returns an example of TextAttack's, or its error: SNLI has labels that its own map lacks."""
    try:
        columns, label = dataset[position]
        return [list(columns.items()), label]
    except Exception as error:
        return [repr(error)]
