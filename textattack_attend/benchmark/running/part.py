"""The part of a data set that one call of TextAttack's attacker attacks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from textattack.datasets import Dataset


class Part(Dataset):
    """Some examples of a data set.

    When TextAttack's attacker takes an example, the random generators are seeded for it, so that no
    result depends on which other examples were attacked before.
    """

    def __init__(self, whole: Dataset, positions: Sequence[int], seed: int) -> None:
        super().__init__([], whole.input_columns, label_names=whole.label_names)
        self._whole = whole
        self._positions = positions
        self._seed = seed

    def __getitem__(self, number: int) -> Any:
        position = self._positions[number]
        random.seed(self._seed + position)
        np.random.seed((self._seed + position) % 2**32)
        return self._whole[position]

    def __len__(self) -> int:
        return len(self._positions)
