"""Compares two runs on the examples that both have attacked."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..errors import InvalidInputError
from .metrics import METRICS, are
from .results import Results
from .summary import RESAMPLES, TAILS

KEYS = ["victim", "attack"]


def differences(first: Results, second: Results) -> pd.DataFrame:
    """Compares the robust accuracy of two runs for every victim and attack that both have.

    Columns: ``examples`` that both attacked and neither failed on with an error; robust accuracy
    in the ``first`` and in the ``second``; the ``difference`` with its 95% interval (paired
    bootstrap over the examples); on how many texts only one of them held, ``only first`` and ``only
    second`` (of one model; shares of models are summed).

    Raises:
        InvalidInputError: they have nothing in common.
    """
    held = [_held(results) for results in (first, second)]
    paired = held[0].to_frame("first").join(held[1].to_frame("second"), how="inner")
    if paired.empty:
        raise InvalidInputError(
            "the runs: expected a victim, an attack and texts that both have, got none; their "
            "labels are compared as the recipes have them"
        )
    found = []
    for (victim, attack), rows in paired.groupby(KEYS, sort=False):
        gain = (rows["second"] - rows["first"]).to_numpy()
        size = len(gain)
        weights = np.random.default_rng(0).multinomial(size, np.full(size, 1 / size), RESAMPLES)
        low, high = np.percentile(weights @ gain / size, TAILS)
        found.append(
            {
                "victim": victim,
                "attack": attack,
                "examples": size,
                "first": f"{rows['first'].mean():.1%}",
                "second": f"{rows['second'].mean():.1%}",
                "difference": f"{100 * gain.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})",
                "only first": f"{np.abs(gain[gain < 0]).sum():g}",
                "only second": f"{gain[gain > 0].sum():g}",
            }
        )
    return pd.DataFrame(found)


def _held(results: Results) -> pd.Series:
    """Returns, for every text, the share of models whose prediction stayed right."""
    robust = METRICS["robust"]
    rows = results.rows[are(robust.denominator, results.rows)]
    held = robust.numerator(rows)
    return held.groupby([rows[key] for key in [*KEYS, "text"]], sort=False).mean()
