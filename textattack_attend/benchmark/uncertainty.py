"""Intervals of differences, paired by example and by model, and their correction for their number.

A difference is known only as well as its examples and its trainings are. Its variance is estimated
as in an analysis of variance whose examples and models are both drawn at random: that of the
examples, and for each side what its models differ in beyond chance. Degrees of freedom are those of
Satterthwaite (1946), since trainings are few. Resampling seeds and then examples instead (a
two-level bootstrap) holds the true difference of three trainings in 82 to 100% of simulated stores
instead of 95%; `tests/benchmark/test_uncertainty.py` measures both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

Answers = npt.NDArray[np.float64]
"""The answers of M models on N examples, 1 for right and 0 for wrong, (M, N)."""
PSEUDO = 2
"""The number of examples that are imagined beside those that there are: half of one is gained, half
of one is lost (Agresti and Min 2005), so an interval has a width where all examples agree."""


@dataclass(frozen=True)
class Difference:
    """The difference of two means, the second less the first.

    Args:
        mean: the difference.
        low: the lower end of its 95% interval.
        high: the upper end.
        p: the two-sided probability of a difference as large if there were none.
    """

    mean: float
    low: float
    high: float
    p: float


def difference(first: Answers, second: Answers) -> Difference:
    """Compares two sides on the same examples.

    If both sides have as many models, the first model of one is paired with the first of the other,
    and so on: seeds of training, in their order. Of one model on a side, nothing is known of what
    another training would change, and the interval leaves that out.

    Args:
        first: the answers of the models of one side, (M, N).
        second: the answers of the models of the other side on the same examples, (M', N).
    """
    sides = [second - first] if len(first) == len(second) else [second, -first]
    gains = np.sum([own.mean(0) for own in sides], axis=0)
    size = len(gains) + PSEUDO
    center = float(gains.sum()) / size
    of_examples = (((gains**2).sum() + 1) / size - center**2) / size
    parts = [(of_examples, size - 1), *(part for own in sides for part in _of_models(own))]
    variance = max(of_examples, sum(part for part, _ in parts))
    freedom = variance**2 / sum(part**2 / own for part, own in parts)
    error = sqrt(variance)
    half = float(stdtrit(freedom, 0.975)) * error
    p = float(2 * stdtr(freedom, -abs(center) / error))
    low, high = max(-1.0, center - half), min(1.0, center + half)
    return Difference(float(gains.mean()), low, high, p)


def _of_models(own: Answers) -> list[tuple[float, float]]:
    """Returns what the models of a side add to the variance of its mean, with degrees of freedom.

    The first part is the variance of the models' means, the second what of it is chance.
    """
    models, size = own.shape
    if models == 1:
        return []
    of_model, of_example = own.mean(1, keepdims=True), own.mean(0, keepdims=True)
    between = float(of_model.var(ddof=1))
    rest = own - of_model - of_example + own.mean()
    freedom = max(1, (models - 1) * (size - 1))
    chance = float((rest**2).sum()) / freedom / size
    return [(between / models, models - 1), (-chance / models, freedom)]


def holm(probabilities: Sequence[float]) -> list[float]:
    """Corrects probabilities for their number (Holm 1979), so that one of all is wrong in 5%.

    The smallest of n is multiplied by n, the next by n - 1, and so on; none becomes smaller than
    one before it, or larger than 1.
    """
    order = np.argsort(probabilities, kind="stable")
    corrected = np.empty(len(order))
    corrected[order] = np.maximum.accumulate(
        np.minimum(1.0, np.asarray(probabilities)[order] * np.arange(len(order), 0, -1))
    )
    return [float(own) for own in corrected]
