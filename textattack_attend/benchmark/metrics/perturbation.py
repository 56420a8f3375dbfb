"""Metrics of how much an attack changes in the words and the meaning of a text, or in attention."""

from __future__ import annotations

from .registry import Metric, column, register_metric

register_metric(
    Metric(
        name="words",
        numerator=column("perturbed_words", "succeeded"),
        denominator="succeeded",
        summed="shares of the words that differ",
        help="how much of the text is perturbed",
        unit="%",
        attacks="on words",
    )
)
register_metric(
    Metric(
        name="similarity",
        numerator=column("similarity", "succeeded"),
        denominator="succeeded",
        summed="cosines of the sentence embeddings before and after (means of the last hidden "
        "states of the recipe's encoder)",
        help="how much of the meaning is left",
        attacks="on words",
    )
)
register_metric(
    Metric(
        name="Hamming",
        numerator=column("hamming", "succeeded"),
        denominator="succeeded",
        summed="masked units per perturbed matrix",
        help="masked units in a perturbed matrix, as the paper counts",
        unit="units",
        attacks="on attention",
    )
)
register_metric(
    Metric(
        name="matrices",
        numerator=column("matrices", "succeeded"),
        denominator="succeeded",
        summed="matrices (a head of a layer) with a masked unit",
        help="how much of the model is perturbed",
        unit="matrices",
        attacks="on attention",
    )
)
