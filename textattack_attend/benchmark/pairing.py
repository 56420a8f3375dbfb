"""Compares two runs, or two victims of one run, on the examples that both have attacked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from ..errors import InvalidInputError, require_one_of
from .metrics import METRICS, Metric, are
from .results import Results
from .summary import RESAMPLES, TAILS

KEYS = ["victim", "attack"]
ACCURACIES = {"before": "clean", "after": "robust"}
"""The metrics that are the accuracy before and after an attack."""
HEADINGS = ("attack", "accuracy", "examples", "difference")
"""The headings of the comparison of victims that are no names of victims."""


def differences(first: Results, second: Results) -> pd.DataFrame:
    """Compares the robust accuracy of two runs for every victim and attack that both have.

    Columns: ``examples`` that both attacked and neither failed on with an error; robust accuracy
    in the ``first`` and in the ``second``; the ``difference`` with its 95% interval (paired
    bootstrap over the examples); on how many texts only one of them held, ``only first`` and ``only
    second`` (of one model; shares of models are summed).

    Raises:
        InvalidInputError: they have nothing in common.
    """
    held = [_right(METRICS["robust"], results.rows, "text") for results in (first, second)]
    paired = held[0].to_frame("first").join(held[1].to_frame("second"), how="inner")
    if paired.empty:
        raise InvalidInputError(
            "the runs: expected a victim, an attack and texts that both have, got none; their "
            "labels are compared as the recipes have them"
        )
    found = [
        {"victim": victim, "attack": attack, **_compared(rows, "first", "second")}
        for (victim, attack), rows in paired.groupby(KEYS, sort=False)
    ]
    return pd.DataFrame(found)


def between_victims(results: Results, first: str, second: str) -> pd.DataFrame:
    """Compares the accuracy of two victims before and after every attack, example by example.

    A victim with several checkpoints counts with the share of them that are right on an example.
    Pairing checkpoints by their order instead would give the same difference and the same interval,
    because both are linear in these shares. Only seeds of an attack with which both were attacked
    count. The interval says how much the choice of examples matters, not how much training does.

    Columns: ``attack``; ``accuracy``, before or after it; ``examples`` on which both victims were
    judged; the accuracy of each victim, under its own name; the ``difference``, the second's less
    the first's, with its 95% interval (paired bootstrap over the examples); on how many examples
    only one of them is right (shares of checkpoints are summed).

    Args:
        results: the results of one run, or of several that go together.
        first: the label of a victim.
        second: the label of another victim.

    Raises:
        InvalidInputError: a victim is unknown, both are the same, or no attack judged both on one
            example.
    """
    known = list(results.rows["victim"].unique())
    for victim in (first, second):
        require_one_of("victims", victim, known)
    if first == second:
        raise InvalidInputError(f"victims: expected two different ones, got {first!r} twice")
    rows = _with_common_seeds(results.rows[results.rows["victim"].isin([first, second])])
    found = []
    for attack in rows["attack"].unique():
        for when, metric in ACCURACIES.items():
            own = _right(METRICS[metric], rows[rows["attack"] == attack], "position")
            paired = own.unstack("victim").reindex(columns=[first, second]).dropna()
            if len(paired):
                found.append([attack, when, *_compared(paired, first, second).values()])
    if not found:
        raise InvalidInputError(
            f"victims: expected an attack that judged {first!r} and {second!r} on the same "
            "examples with the same seed, got none"
        )
    one, other = (f"victim {name}" if name in HEADINGS else name for name in (first, second))
    columns = [*HEADINGS[:3], one, other, HEADINGS[3], f"only {first}", f"only {second}"]
    return pd.DataFrame(found, columns=columns)


def _with_common_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of the seeds with which an attack attacked every victim of the rows."""
    both = rows["victim"].nunique()
    victims = rows.groupby(["attack", "seed"])["victim"].transform("nunique")
    return rows[victims == both]


def _right(metric: Metric, rows: pd.DataFrame, example: str) -> pd.Series:
    """Returns, for every victim, attack and example, the share of models whose answer is right.

    Args:
        metric: the accuracy before or after the attack.
        rows: the rows of attacks on victims.
        example: the column that tells examples apart.
    """
    judged = rows[are(metric.denominator, rows)]
    numerator: Callable[[pd.DataFrame], pd.Series] = metric.numerator
    keys = [judged[key] for key in [*KEYS, example]]
    return numerator(judged).groupby(keys, sort=False).mean()


def _compared(paired: pd.DataFrame, first: str, second: str) -> dict[str, str | int]:
    """Compares two columns of shares of right answers, paired by their rows."""
    gain = (paired[second] - paired[first]).to_numpy()
    size = len(gain)
    weights = np.random.default_rng(0).multinomial(size, np.full(size, 1 / size), RESAMPLES)
    low, high = np.percentile(weights @ gain / size, TAILS)
    return {
        "examples": size,
        "first": f"{paired[first].mean():.1%}",
        "second": f"{paired[second].mean():.1%}",
        "difference": f"{100 * gain.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})",
        "only first": f"{np.abs(gain[gain < 0]).sum():g}",
        "only second": f"{gain[gain > 0].sum():g}",
    }
