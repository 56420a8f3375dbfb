"""Metrics of how long an attack takes."""

from __future__ import annotations

from .registry import Metric, column, register_metric

register_metric(
    Metric(
        name="seconds",
        numerator=column("seconds", "judged"),
        denominator="attacked",
        summed="wall clock, with that of skipped examples",
        help="time for an attacked example",
        unit="s",
    )
)
register_metric(
    Metric(
        name="seconds per success",
        numerator=column("seconds", "judged"),
        denominator="succeeded",
        summed="wall clock, with that of failed and skipped examples",
        help="time until there is a success",
        unit="s",
    )
)
