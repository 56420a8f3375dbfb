"""The identity of data: the bytes of a file and its format, or else the examples."""

from __future__ import annotations

from pathlib import Path

from textattack.datasets import Dataset

from .content import digest_of, digest_of_file


def data_identity(data: str, dataset: Dataset) -> str:
    """Returns a digest of what is attacked, wherever it lies.

    Args:
        data: PATH^FORMAT of a file, or TextAttack's name of a data set.
        dataset: that it stands for.

    Raises:
        InvalidInputError: the file cannot be read.
    """
    path, caret, layout = data.partition("^")
    if caret:
        return digest_of([digest_of_file(Path(path)), layout])
    examples = (dataset[position] for position in range(len(dataset)))
    return digest_of([[list(columns.items()), label] for columns, label in examples])
