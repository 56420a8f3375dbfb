"""Metrics of how often the victim is right, and how often the attack changes that."""

from __future__ import annotations

from .registry import Metric, number_of, register_metric

register_metric(
    Metric(
        name="clean",
        numerator=number_of("attacked"),
        denominator="judged",
        summed="attacked examples",
        help="accuracy before the attack",
        unit="%",
    )
)
register_metric(
    Metric(
        name="robust",
        numerator=number_of("right"),
        denominator="judged",
        summed="failed examples, and those that a transfer corrected",
        help="accuracy after the attack",
        unit="%",
        shows_interval=True,
    )
)
register_metric(
    Metric(
        name="ASR",
        numerator=number_of("succeeded"),
        denominator="attacked",
        summed="succeeded examples",
        help="attack success rate",
        unit="%",
        shows_interval=True,
    )
)
