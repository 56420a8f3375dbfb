"""Compares two runs, two victims of one run, or two attacks, on the examples that both have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..errors import InvalidInputError, require_one_of
from .metrics import METRICS, Metric, are
from .results import Results
from .uncertainty import Answers, Difference, difference, holm

KEYS = ["victim", "attack"]
MODEL = ["checkpoint", "seed"]
ACCURACIES = {"before": "clean", "after": "robust"}
"""The metrics that are the accuracy before and after an attack."""
HEADINGS = ("victim", "attack", "accuracy", "models", "examples", "difference", "p")
"""The headings of a comparison that are no names of what is compared."""


def differences(first: Results, second: Results) -> pd.DataFrame:
    """Compares the robust accuracy of two runs for every victim and attack that both have.

    Columns as in `between_victims`, after ``victim`` and ``attack``; the runs are the ``first`` and
    the ``second``. Examples are matched by their texts.

    Raises:
        InvalidInputError: they have nothing in common.
    """
    found = []
    for keys, own in first.rows.groupby(KEYS, sort=False):
        its = second.rows[(second.rows[KEYS] == list(keys)).all(axis=1)]
        pair = _pair(METRICS["robust"], own, its, "text")
        if pair is not None:
            found.append(({"victim": keys[0], "attack": keys[1]}, pair))
    if not found:
        raise InvalidInputError(
            "the runs: expected a victim, an attack and texts that both have, got none; their "
            "labels are compared as the recipes have them"
        )
    return _table(found, "first", "second")


def between_victims(results: Results, first: str, second: str) -> pd.DataFrame:
    """Compares the accuracy of two victims before and after every attack, example by example.

    Columns: ``attack``; ``accuracy``, before or after it; ``models`` of the two; ``examples`` on
    which all of these were judged; the accuracy of each victim, under its own name; the
    ``difference``, the second's less the first's, in percentage points with its 95% interval, see
    `uncertainty.difference`; ``p``, the probability of such a difference without a cause, corrected
    for the number of lines (Holm); on how many examples only one of them is right (shares of models
    are summed).

    Args:
        results: the results of one run, or of several that go together.
        first: the label of a victim.
        second: the label of another victim.

    Raises:
        InvalidInputError: a victim is unknown, both are the same, or no attack judged both on one
            example.
    """
    sides = _sides(results, "victim", first, second)
    found = []
    for attack in sides[0]["attack"].unique():
        own = _with_common_seeds([side[side["attack"] == attack] for side in sides])
        for when, metric in ACCURACIES.items():
            pair = _pair(METRICS[metric], own[0], own[1], "position")
            if pair is not None:
                found.append(({"attack": attack, "accuracy": when}, pair))
    if not found:
        raise InvalidInputError(
            f"victims: expected an attack that judged {first!r} and {second!r} on the same "
            "examples with the same seed, got none"
        )
    return _table(found, first, second)


def between_attacks(results: Results, first: str, second: str) -> pd.DataFrame:
    """Compares the robust accuracy of every victim under two attacks, example by example.

    Columns as in `between_victims`, with ``victim`` for ``attack``; models are paired checkpoint by
    checkpoint and seed by seed.

    Raises:
        InvalidInputError: an attack is unknown, both are the same, or they attacked no example of
            the same victim.
    """
    sides = _sides(results, "attack", first, second)
    found = []
    for victim in sides[0]["victim"].unique():
        own = [side[side["victim"] == victim] for side in sides]
        common = set.intersection(*({*map(tuple, side[MODEL].to_numpy())} for side in own))
        own = [side[[tuple(m) in common for m in side[MODEL].to_numpy()]] for side in own]
        pair = _pair(METRICS["robust"], own[0], own[1], "position")
        if pair is not None:
            found.append(({"victim": victim}, pair))
    if not found:
        raise InvalidInputError(
            f"attacks: expected a victim that {first!r} and {second!r} attacked on the same "
            "examples, got none"
        )
    return _table(found, first, second)


def against(
    results: Results, metric: Metric, baseline: str
) -> dict[tuple[str, str], tuple[Difference, float]]:
    """Compares every victim with a baseline under every attack.

    Args:
        results: the results of victims under attacks.
        metric: an accuracy, before or after the attack.
        baseline: the label of a victim.

    Returns:
        By victim and attack, the difference, and its probability without a cause, corrected for the
        number of comparisons (Holm).

    Raises:
        InvalidInputError: the baseline is unknown.
    """
    require_one_of("baseline", baseline, list(results.rows["victim"].unique()))
    by_cell = dict(iter(results.rows.groupby(KEYS, sort=False)))
    found = {}
    for (victim, attack), rows in by_cell.items():
        if victim != baseline and (baseline, attack) in by_cell:
            own = _with_common_seeds([by_cell[baseline, attack], rows])
            pair = _pair(metric, own[0], own[1], "position")
            if pair is not None:
                found[str(victim), str(attack)] = pair.difference
    corrected = holm([own.p for own in found.values()])
    return dict(zip(found, zip(found.values(), corrected, strict=True), strict=True))


@dataclass(frozen=True)
class _Pair:
    """The answers of two sides on the same examples, each (M, N)."""

    first: Answers
    second: Answers

    @property
    def difference(self) -> Difference:
        return difference(self.first, self.second)


def _sides(results: Results, kind: str, first: str, second: str) -> list[pd.DataFrame]:
    """Returns the rows of each of two victims, or attacks."""
    known = list(results.rows[kind].unique())
    for name in (first, second):
        require_one_of(f"{kind}s", name, known)
    if first == second:
        raise InvalidInputError(f"{kind}s: expected two different ones, got {first!r} twice")
    return [results.rows[results.rows[kind] == name] for name in (first, second)]


def _with_common_seeds(sides: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Returns the rows of the seeds with which an attack attacked both sides."""
    common = set.intersection(*(set(side["seed"]) for side in sides))
    return [side[side["seed"].isin(common)] for side in sides]


def _pair(metric: Metric, first: pd.DataFrame, second: pd.DataFrame, example: str) -> _Pair | None:
    """Returns the answers on the examples on which every model of both sides was judged, or None.

    Args:
        metric: the accuracy before or after the attack.
        first: the rows of one side.
        second: the rows of the other side.
        example: the column that tells examples apart.
    """
    tables = [_answers(metric, side, example) for side in (first, second)]
    common = tables[0].columns.intersection(tables[1].columns, sort=False)
    if not len(common) or not all(map(len, tables)):
        return None
    return _Pair(*(table[common].to_numpy() for table in tables))


def _answers(metric: Metric, rows: pd.DataFrame, example: str) -> pd.DataFrame:
    """Returns whether each model is right on each example, (M, N), where all were judged."""
    judged = rows[are(metric.denominator, rows)]
    numerator: Callable[[pd.DataFrame], pd.Series] = metric.numerator
    answers = numerator(judged).groupby([judged[key] for key in [*MODEL, example]], sort=False)
    return answers.mean().unstack(example).dropna(axis="columns")


def _table(found: Sequence[tuple[dict[str, Any], _Pair]], first: str, second: str) -> pd.DataFrame:
    """Returns a row for each comparison, with the corrected probabilities of all."""
    one, other = (f"{name} itself" if name in HEADINGS else name for name in (first, second))
    compared = [pair.difference for _, pair in found]
    corrected = holm([own.p for own in compared])
    rows = [
        {
            **labels,
            "models": _models(pair),
            "examples": pair.first.shape[1],
            one: f"{pair.first.mean():.1%}",
            other: f"{pair.second.mean():.1%}",
            "difference": f"{100 * own.mean:+.1f} ({100 * own.low:+.1f} to {100 * own.high:+.1f})",
            "p": "≤0.001" if p < 0.001 else f"{p:.3f}",
            f"only {first}": f"{_only(pair.first, pair.second):g}",
            f"only {second}": f"{_only(pair.second, pair.first):g}",
        }
        for (labels, pair), own, p in zip(found, compared, corrected, strict=True)
    ]
    return pd.DataFrame(rows)


def _models(pair: _Pair) -> str:
    counts = len(pair.first), len(pair.second)
    return str(counts[0]) if counts[0] == counts[1] else f"{counts[0]} and {counts[1]}"


def _only(right: Answers, wrong: Answers) -> float:
    """Returns on how many examples one side is right more often, shares of models summed."""
    more: Answers = right.mean(0) - wrong.mean(0)
    return float(more[more > 0].sum())
