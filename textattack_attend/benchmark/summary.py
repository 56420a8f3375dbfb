"""Computes, from rows, every metric of a victim under an attack, with its uncertainty."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binomtest

from .metrics import METRICS, are
from .results import Results

Array = npt.NDArray[np.float64]
RESAMPLES = 1000
"""The number of resamples of the bootstrap."""
TAILS = (2.5, 97.5)
"""The percentiles between which a 95% interval lies."""


def summary(results: Results) -> pd.DataFrame:
    """Returns a row for every metric of every victim under every attack.

    Columns: ``victim``, ``attack``; ``measure``, the name of the metric; ``mean`` over the models,
    each a checkpoint with a seed; ``deviation``, their sample standard deviation, NaN of one model;
    ``low`` and ``high``, between which the mean lies in 95% of 1000 resamples of the examples
    (percentile bootstrap, the same examples for all models), or Wilson's interval of a share of
    which all examples agree. Metrics without any number are left out.
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
    """Returns all metrics of one victim under one attack."""
    numerators, counts = _numerators(rows), _counts(rows)
    of_models, means = _ratios(rows, numerators, counts)
    found: list[dict[str, float | str]] = []
    for number, metric in enumerate(METRICS.values()):
        if numerators[metric.name].isna().all():
            continue
        each, resampled = of_models[:, number], means[:, number]
        is_known = (counts[metric.denominator] > 0).any()
        low, high = np.nanpercentile(resampled, TAILS) if is_known else (np.nan, np.nan)
        if low == high and low in (0, 1) and numerators[metric.name].dropna().isin([0, 1]).all():
            counted = rows["position"][counts[metric.denominator] > 0]
            low, high = _where_all_agree(low, counted.nunique())
        deviation = np.nanstd(each, ddof=1) if np.isfinite(each).sum() > 1 else np.nan
        found.append(
            {
                "measure": metric.name,
                "mean": float(_mean(each[None])[0]),
                "deviation": float(deviation),
                "low": float(low),
                "high": float(high),
            }
        )
    return found


def _where_all_agree(share: float, examples: int) -> tuple[float, float]:
    """Returns Wilson's 95% interval of a share of 0 or 1, where resamples are all alike."""
    interval = binomtest(round(share * examples), examples).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def _ratios(
    rows: pd.DataFrame, numerators: pd.DataFrame, counts: pd.DataFrame
) -> tuple[Array, Array]:
    """Computes the metrics of every model, (M, K), and their means in every resample, (1000, K).

    Models are taken one by one, as a table of all models by all examples may be far larger than the
    rows that there are.
    """
    values = np.concatenate([numerators.fillna(0).to_numpy(), counts.to_numpy()], axis=1)
    above = list(range(len(METRICS)))
    columns = list(counts)
    below = [len(METRICS) + columns.index(metric.denominator) for metric in METRICS.values()]
    models, count = _codes(rows[["checkpoint", "seed"]])
    positions, size = _codes(rows[["position"]])
    weights = _weights(size)
    of_models = np.zeros((count, len(METRICS)))
    sums, known = np.zeros((2, RESAMPLES, len(METRICS)))
    order = np.argsort(models, kind="stable")
    for model, own in enumerate(np.split(order, np.flatnonzero(np.diff(models[order])) + 1)):
        whole = values[own].sum(0)
        of_models[model] = _ratio(whole[above], whole[below])
        resampled = _resampled(values[own], positions[own], weights)
        ratios = _ratio(resampled[:, above], resampled[:, below])
        there = np.isfinite(ratios)
        sums += np.where(there, ratios, 0)
        known += there
    return of_models, _ratio(sums, known)


def _resampled(values: Array, positions: npt.NDArray[np.int64], weights: Array) -> Array:
    """Sums the values of a model, (P, K), over the examples of every resample, (1000, K)."""
    size = weights.shape[1]
    if len(positions) * 8 < size:  # a copy of few weights is cheaper than a product with all
        return weights[:, positions] @ values
    every = np.zeros((size, values.shape[1]))
    every[positions] = values
    return weights @ every


@lru_cache(maxsize=1)  # what is compared has the same examples
def _weights(size: int) -> Array:
    """Draws how often each of so many examples is in a resample, (1000, size)."""
    draws = np.random.default_rng(0).multinomial(size, np.full(size, 1 / size), RESAMPLES)
    return draws.astype(float)


def _numerators(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns what every example adds to every metric; NaN where it adds nothing."""
    return pd.DataFrame({metric.name: metric.numerator(rows) for metric in METRICS.values()})


def _counts(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns 1 where an example counts in a denominator, and 0 where it does not."""
    denominators = dict.fromkeys(metric.denominator for metric in METRICS.values())
    return pd.DataFrame({name: are(name, rows).astype(float) for name in denominators})


def _codes(columns: pd.DataFrame) -> tuple[npt.NDArray[np.int64], int]:
    """Numbers the different rows, and returns the number of each row and their count."""
    grouped = columns.groupby(list(columns), sort=False)
    return grouped.ngroup().to_numpy(), grouped.ngroups


def _ratio(above: Array, below: Array) -> Array:
    ratio: Array = np.full(above.shape, np.nan)
    np.divide(above, below, out=ratio, where=below > 0)
    return ratio


def _mean(values: Array) -> Array:
    """Returns means over the last axis that leave out NaN; NaN where there is nothing else."""
    there = np.isfinite(values)
    return _ratio(np.where(there, values, 0).sum(-1), there.sum(-1))
