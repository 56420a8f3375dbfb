"""The time that the runs and the trainings behind published tables took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from textattack_attend.benchmark import Results
from textattack_attend.checkpoints.card import Card


def run_times(results: Mapping[str, Results]) -> pd.DataFrame:
    """Returns the time of the attacks and of the trainings behind each file of rows, and of all.

    A model that stands in several files was trained once, and counts once in the last row.

    Args:
        results: the results of each file, by its name.
    """
    every: dict[str, Card] = {}
    attacks: list[float] = []
    table = []
    for name, own in results.items():
        cards = {str(card.identity): card for card in own.cards.values()}
        every |= cards
        attacks.append(float(own.rows["seconds"].sum()))
        table.append(_row(name, len(own.rows), attacks[-1], cards.values()))
    rows = sum(len(own.rows) for own in results.values())
    table.append(_row("all", rows, sum(attacks), every.values()))
    return pd.DataFrame(table)


def trainings(results: Results) -> pd.DataFrame:
    """Returns the dev accuracy and the time of a step of the trainings of each victim.

    The time of a step is that over the time of a plain one, measured in turn; of several models
    the mean is shown.

    Args:
        results: the results of a run whose victims were trained by this package.
    """
    table = []
    for victim, rows in results.rows.groupby("victim", sort=False):
        cards = [results.cards[name] for name in rows["checkpoint"].unique()]
        accuracies = pd.Series([card.accuracy for card in cards])
        steps = pd.Series([card.step_seconds_ratio for card in cards])
        table.append(
            {
                "victim": str(victim),
                "models": str(len(cards)),
                "dev accuracy": f"{accuracies.mean():.1%}",
                "time of a step": f"{steps.mean():.2f}",
            }
        )
    return pd.DataFrame(table)


def _row(name: str, rows: int, attacks: float, cards: Iterable[Card]) -> dict[str, str]:
    trained = [*cards]
    seconds = sum((card.seconds or 0) + (card.extra_seconds or 0) for card in trained)
    return {
        "results": name,
        "rows": str(rows),
        "attacks": _hours(attacks),
        "models": str(len(trained)),
        "trainings": _hours(seconds),
    }


def _hours(seconds: float) -> str:
    """Returns a time as hours and minutes."""
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02} h"
