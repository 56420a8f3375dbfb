"""The identity of data: a digest of a file's bytes and format, or else of the examples.

It does not depend on the number of examples that are read. So a run can grow: when it reads more of
them, its data have the same identity.
"""

from __future__ import annotations

from pathlib import Path

from textattack.datasets import Dataset

from ..data.data_name import parsed
from ..data.published import hub_dataset, is_file
from ..identity.content import digest_of, digest_of_file


def data_identity(data: str, dataset: Dataset) -> str:
    """Returns a digest of the data that are attacked, wherever their file lies.

    Args:
        data: PATH^NAME for a file, or TextAttack's name of a data set.
        dataset: the data set that the name stands for.

    Raises:
        InvalidInputError: the file cannot be read.
    """
    name = parsed(data)
    if not name.layout:
        return digest_of([_example(dataset, position) for position in range(len(dataset))])
    if is_file(name.source):
        return digest_of([digest_of_file(Path(name.source)), name.layout])
    return digest_of([hub_dataset(name.source, "validation")._fingerprint, name.layout])


def _example(dataset: Dataset, position: int) -> list[object]:
    """Returns an example of a data set of TextAttack's, or the error that reading it raises.

    SNLI, for example, has labels that TextAttack's own mapping lacks.
    """
    try:
        columns, label = dataset[position]
        return [list(columns.items()), label]
    except Exception as error:
        return [repr(error)]
