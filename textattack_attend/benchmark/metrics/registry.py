"""The metrics of the benchmark by name, the record that each is, and the numerators they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ...registry import Registry

Numerator = Callable[[pd.DataFrame], pd.Series]
Counted = Literal["judged", "attacked", "succeeded", "failed", "right"]
COUNTED: dict[Counted, tuple[str, ...]] = {
    "judged": ("succeeded", "failed", "skipped", "corrected"),
    "attacked": ("succeeded", "failed"),
    "succeeded": ("succeeded",),
    "failed": ("failed",),
    "right": ("failed", "corrected"),
}
"""The outcomes of the examples that a word of docs/metrics.md names."""


@dataclass(frozen=True)
class Metric:
    """A number that compares attacks on victims: a sum over the examples, over their count.

    Args:
        name: the name of the metric in tables, on the command line and in docs/metrics.md.
        numerator: returns what each row of `Results.rows` adds to the sum; NaN where it has
            nothing to add. A metric without any number is left out of the tables.
        denominator: the examples that are counted.
        summed: says in words what the numerator adds up.
        help: says what the metric tells its reader, in a few words without a full stop.
        unit: the unit; "%" shows a share times 100.
        attacks: the attacks that have the metric.
        shows_interval: whether the comparison shows the 95% interval beside the mean.
    """

    name: str
    numerator: Numerator
    denominator: Counted
    summed: str
    help: str
    unit: str = ""
    attacks: Literal["all", "on attention", "on words"] = "all"
    shows_interval: bool = False

    @property
    def explanation(self) -> str:
        """The metric and its definition in a sentence."""
        said = f"{self.help[:1].upper()}{self.help[1:]}"
        only = "" if self.attacks == "all" else f" (attacks {self.attacks} only)"
        return f"{said}{only}: {self.summed}, over the number of {self.denominator} examples."


METRICS = Registry[Metric]("metric", __package__)


def register_metric(metric: Metric) -> None:
    """Registers a metric under its name.

    Raises:
        InvalidInputError: the name is taken.
    """
    METRICS.register(metric.name, metric)


def are(counted: Counted, rows: pd.DataFrame) -> pd.Series:
    """Returns which rows are of examples that count, such as the attacked ones."""
    return rows["outcome"].isin(COUNTED[counted])


def number_of(counted: Counted) -> Numerator:
    """Returns the numerator that counts examples."""
    return lambda rows: are(counted, rows).astype(float)


def column(name: str, counted: Counted) -> Numerator:
    """Returns the numerator that adds up a column over the examples that count."""
    return lambda rows: rows[name].astype(float).where(are(counted, rows))
