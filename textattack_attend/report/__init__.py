"""A report of results: figures, and one HTML page that needs no network."""

from .attention import attention_of_a_success
from .figures import (
    plot_attention,
    plot_efficiency,
    plot_heads,
    plot_layers,
    plot_reached_layers,
    plot_robustness,
)
from .page import report
from .writing import write_report

__all__ = [
    "attention_of_a_success",
    "plot_attention",
    "plot_efficiency",
    "plot_heads",
    "plot_layers",
    "plot_reached_layers",
    "plot_robustness",
    "report",
    "write_report",
]
