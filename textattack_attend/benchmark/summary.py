"""What rows add up to: every measure of a victim under an attack, with its uncertainty."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from .results import Results

Array = npt.NDArray[np.float64]
RESAMPLES = 1000
"""Of the bootstrap."""
TAILS = (2.5, 97.5)
"""Percentiles that a 95% interval lies between."""

MEASURES: dict[str, tuple[str, str]] = {
    "clean": ("attacked", "judged"),
    "robust": ("held", "judged"),
    "ASR": ("succeeded", "attacked"),
    "queries": ("queries", "attacked"),
    "candidates": ("candidate_queries", "attacked"),
    "words": ("perturbed_words", "succeeded"),
    "similarity": ("similarity", "succeeded"),
    "Hamming": ("hamming", "succeeded"),
    "matrices": ("matrices", "succeeded"),
    "seconds": ("seconds", "attacked"),
    "seconds per success": ("seconds", "succeeded"),
}
"""Each is the sum of the first over the examples, over the sum of the second."""


def summary(results: Results) -> pd.DataFrame:
    """A row for every measure of every victim under every attack.

    Columns: ``victim``, ``attack``, ``measure``; ``mean`` over the models, each a checkpoint with a
    seed; ``deviation``, the sample's over them, NaN of one; ``low`` and ``high``, between which the
    mean lies in 95% of 1000 resamples of the examples (percentile bootstrap, the same examples for
    all models). Measures without any number are left out.
    """
    return _summary(results).copy()


@lru_cache(maxsize=1)  # the tables and the figures of a page all begin with it
def _summary(results: Results) -> pd.DataFrame:
    found = [
        {"victim": victim, "attack": attack, **measured}
        for (victim, attack), rows in results.rows.groupby(["victim", "attack"], sort=False)
        for measured in _measured(rows)
    ]
    columns = ["victim", "attack", "measure", "mean", "deviation", "low", "high"]
    return pd.DataFrame(found, columns=columns)


def _measured(rows: pd.DataFrame) -> list[dict[str, float | str]]:
    """All measures of one victim under one attack."""
    quantities = _quantities(rows)
    models, count = _codes(rows[["checkpoint", "seed"]])
    positions, size = _codes(rows[["position"]])

    def table(name: str) -> Array:
        """(M, P), 0 where an example has no such number."""
        values = np.zeros((count, size))
        values[models, positions] = quantities[name].fillna(0)
        return values

    weights = _weights(size)
    found: list[dict[str, float | str]] = []
    for measure, (above, below) in MEASURES.items():
        if quantities[above].isna().all():
            continue
        numbers, amounts = table(above), table(below)
        each = _ratio(numbers.sum(1), amounts.sum(1))
        resampled = _mean(_ratio(weights @ numbers.T, weights @ amounts.T))
        low, high = np.nanpercentile(resampled, TAILS) if (amounts > 0).any() else (np.nan, np.nan)
        deviation = np.nanstd(each, ddof=1) if np.isfinite(each).sum() > 1 else np.nan
        found.append(
            {
                "measure": measure,
                "mean": float(_mean(each[None])[0]),
                "deviation": float(deviation),
                "low": float(low),
                "high": float(high),
            }
        )
    return found


@lru_cache(maxsize=1)  # what is compared has the same examples
def _weights(size: int) -> Array:
    """How often each of so many examples is in a resample, (1000, size)."""
    draws = np.random.default_rng(0).multinomial(size, np.full(size, 1 / size), RESAMPLES)
    return draws.astype(float)


def _quantities(rows: pd.DataFrame) -> pd.DataFrame:
    """What is summed, of every example: NaN where it has no such number."""
    outcome = rows["outcome"]
    judged = outcome != "error"
    attacked = outcome.isin(["succeeded", "failed"])
    flags = {
        "judged": judged,
        "attacked": attacked,
        "succeeded": outcome == "succeeded",
        "held": outcome == "failed",
    }
    counted = ["queries", "candidate_queries"]
    numbers = rows[
        [*counted, "perturbed_words", "similarity", "hamming", "matrices", "seconds"]
    ].astype(float)
    numbers[counted] = numbers[counted].where(attacked)
    numbers["seconds"] = numbers["seconds"].where(judged)
    return numbers.assign(**{name: flag.astype(float) for name, flag in flags.items()})


def _codes(columns: pd.DataFrame) -> tuple[npt.NDArray[np.int64], int]:
    """Which of the different rows each one is, and how many there are."""
    grouped = columns.groupby(list(columns), sort=False)
    return grouped.ngroup().to_numpy(), grouped.ngroups


def _ratio(above: Array, below: Array) -> Array:
    ratio: Array = np.full(above.shape, np.nan)
    np.divide(above, below, out=ratio, where=below > 0)
    return ratio


def _mean(values: Array) -> Array:
    """Over the last axis, of what is not NaN; NaN where there is nothing else."""
    there = np.isfinite(values)
    return _ratio(np.where(there, values, 0).sum(-1), there.sum(-1))
