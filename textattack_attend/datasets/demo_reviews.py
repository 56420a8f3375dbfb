"""The example reviews that ship with the package."""

from __future__ import annotations

import csv

from ..demo import REVIEWS_PATH
from .rows import Numbering, RowsDataset

NAMES = ("negative", "positive")


class DemoReviews(RowsDataset):
    """Movie reviews written for this project, half of them negative (0), half positive (1)."""

    def __init__(self) -> None:
        with REVIEWS_PATH.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        examples = [((text,), int(label)) for text, label in rows]
        super().__init__(examples, ["text"], NAMES, numbering=Numbering.DATA, source="demo")
