"""The measures of HackAttend's tables, as metrics of TextAttack.

Means over successes are NaN if there are none, as those of TextAttack's own metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from textattack.attack_results import SkippedAttackResult, SuccessfulAttackResult
from textattack.metrics import Metric

from .results import StructureAttackResult

Results = Sequence[StructureAttackResult]


class FixedRow(Metric):
    """A row of the summary whose text is known beforehand."""

    def __init__(self, text: str) -> None:
        self.text = text

    def calculate(self, results: Results) -> str:
        """Returns the text of the row."""
        return self.text


class MeanOverSuccesses(Metric):
    """The mean of a number over the successful attacks, rounded to two digits."""

    def __init__(self, number: Callable[[StructureAttackResult], float], unit: str = "") -> None:
        self.number = number
        self.unit = unit

    def calculate(self, results: Results) -> float | str:
        """Returns the mean, or with a unit a string like ``0.21%``."""
        successes = [r for r in results if isinstance(r, SuccessfulAttackResult)]
        mean = _mean(map(self.number, successes))
        return f"{mean}{self.unit}" if self.unit else mean


class MeanOverAttacks(Metric):
    """The mean of a number over all attacked examples, failures included, skipped ones not."""

    def __init__(self, number: Callable[[StructureAttackResult], float]) -> None:
        self.number = number

    def calculate(self, results: Results) -> float:
        """Returns the mean."""
        attacked = [r for r in results if not isinstance(r, SkippedAttackResult)]
        return _mean(map(self.number, attacked))


def hamming_distance(result: StructureAttackResult) -> float:
    """Returns the mean number of masked units of a perturbed matrix (paper, section 4.1)."""
    return result.structure.hamming_distance


def perturbed_matrices(result: StructureAttackResult) -> int:
    """Returns the number of attention matrices with at least one masked unit."""
    return len(result.structure.matrices)


def masked_share(result: StructureAttackResult) -> float:
    """Returns the masked units in percent of all attention units of the model for the text."""
    return 100 * len(result.structure) / result.structure.shape.num_units


def candidate_queries(result: StructureAttackResult) -> int:
    """Returns the number of structures tested up to the first success, which the paper prints."""
    return result.candidate_queries


def gradient_passes(result: StructureAttackResult) -> int:
    """Returns the number of backward passes; the forward pass of each is a query."""
    return result.gradient_passes


STRUCTURE_METRICS: dict[str, Metric] = {
    "Average Hamming distance:": MeanOverSuccesses(hamming_distance),
    "Perturbed matrices per success:": MeanOverSuccesses(perturbed_matrices),
    "Masked share of all units:": MeanOverSuccesses(masked_share, "%"),
    "Avg candidate queries:": MeanOverAttacks(candidate_queries),
    "Avg gradient passes:": MeanOverAttacks(gradient_passes),
}


def _mean(numbers: Iterable[float]) -> float:
    values = list(numbers)
    return round(float(np.mean(values)), 2) if values else float("nan")
