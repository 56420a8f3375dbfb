"""The figures of the report, one a file."""

from .attention import plot_attention
from .efficiency import plot_efficiency
from .heads import plot_heads
from .layers import plot_layers
from .reached_layers import plot_reached_layers
from .registry import FIGURES, NothingToPlotError, ReportFigure, figure
from .robustness import plot_robustness

__all__ = [
    "FIGURES",
    "NothingToPlotError",
    "ReportFigure",
    "figure",
    "plot_attention",
    "plot_efficiency",
    "plot_heads",
    "plot_layers",
    "plot_reached_layers",
    "plot_robustness",
]
