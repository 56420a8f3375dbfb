"""The example reviews that ship with the package."""

from __future__ import annotations

import csv

from textattack.datasets import Dataset

from ..demo import REVIEWS_PATH


class DemoReviews(Dataset):
    """Movie reviews written for this project, half of them negative (0), half positive (1)."""

    def __init__(self) -> None:
        with REVIEWS_PATH.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        super().__init__(
            [(text, int(label)) for text, label in rows], label_names=["negative", "positive"]
        )
