"""The figure of the share of masked units in each layer."""

from __future__ import annotations

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ...benchmark import Results
from ..marks import Mark
from ..panels import ALONE, BESIDE, STYLE, colors_of, labels_of, legend, panels_of, subplots
from .registry import by_matrix, figure


@figure("layers", "Where the masked units lie")
def plot_layers(results: Results) -> Figure:
    """Draws the share of the masked units of successes that lie in each layer.

    Raises:
        NothingToPlotError: no success has a structure.
    """
    found = {pair: masked.units for pair, masked in by_matrix(results).items()}
    panels = panels_of(results, found)
    color, label = colors_of(results), labels_of(results)
    most = max(len(units) for units in found.values())
    with rc_context(STYLE):
        figure, every = subplots(len(panels), 2, ALONE if len(panels) == 1 else BESIDE)
        for axes, (title, pairs) in zip(every, panels.items(), strict=True):
            width = 0.8 / len(pairs)
            for number, pair in enumerate(pairs):
                shares = found[pair].sum(1) / found[pair].sum()
                places = np.arange(len(shares)) + (number - (len(pairs) - 1) / 2) * width
                bars = axes.bar(places, shares, width, label=label(*pair), color=color(*pair))
                for layer, (bar, share) in enumerate(zip(bars, shares, strict=True)):
                    if share:
                        figure.link(bar, [_mark(*pair, layer, share)])
            axes.set_xticks(range(most))
            axes.set(title=title, xlabel="layer", ylabel="share of all masked units")
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        legend(figure, every)
    return figure


def _mark(victim: str, attack: str, layer: int, share: float) -> Mark:
    examples = {"victim": victim, "attack": attack, "layer": layer}
    return Mark(examples, {"share of masked units": f"{share:.1%}"})
