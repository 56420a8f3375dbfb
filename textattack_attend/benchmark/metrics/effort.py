"""Metrics of how much an attack asks the victim."""

from __future__ import annotations

from .registry import Metric, column, register_metric

register_metric(
    Metric(
        name="queries",
        numerator=column("queries", "attacked"),
        denominator="attacked",
        summed="evaluated inputs (texts, or texts under a structure), with the clean one and "
        "importance probes",
        help="what the attack asks the model",
        unit="inputs",
    )
)
register_metric(
    Metric(
        name="candidates",
        numerator=column("candidate_queries", "attacked"),
        denominator="attacked",
        summed="structures tested up to the first success",
        help='the paper\'s "# Query"',
        unit="structures",
        attacks="on attention",
    )
)
