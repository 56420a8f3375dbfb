"""The figure of the layers that a search reached."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ...benchmark import Results
from ...structures import decode
from ..marks import Mark
from ..panels import ALONE, BESIDE, STYLE, Pair, colors_of, labels_of, legend, panels_of, subplots
from .registry import NothingToPlotError, figure

FAILED = -1
"""The place of failures beside the numbers of the layers."""


@figure("reached", "Layers that the search reached")
def plot_reached_layers(results: Results) -> Figure:
    """Draws how often a success masks units of each layer, and how often an attack fails, at -1.

    As in the released code behind the paper's Figure 3, each success counts once in every layer
    that the search reached before it succeeded, and each failure once. The counts of an attack on a
    victim are divided by their sum. Victims of several tasks stand side by side.

    Raises:
        NothingToPlotError: no success has a structure.
    """
    found = reached(results)
    panels = panels_of(results, found)
    color, label = colors_of(results), labels_of(results)
    most = max(map(len, found.values())) - 1
    with rc_context(STYLE):
        figure, every = subplots(len(panels), 2, ALONE if len(panels) == 1 else BESIDE)
        for axes, (title, pairs) in zip(every, panels.items(), strict=True):
            width = 0.8 / len(pairs)
            for number, pair in enumerate(pairs):
                shares = found[pair] / found[pair].sum()
                layers = np.arange(FAILED, len(shares) + FAILED)
                places = layers + (number - (len(pairs) - 1) / 2) * width
                bars = axes.bar(places, shares, width, label=label(*pair), color=color(*pair))
                for layer, bar, share in zip(layers.tolist(), bars, shares, strict=True):
                    if share:
                        figure.link(bar, [_mark(*pair, layer, share)])
            axes.set_xticks(range(FAILED, most))
            axes.set(
                title=title, xlabel="layer (-1: the attack failed)", ylabel="share of the counts"
            )
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        legend(figure, every)
    return figure


def reached(results: Results) -> dict[Pair, npt.NDArray[np.int64]]:
    """Counts failures, and the successes that mask units of each layer, for attacks on victims.

    Returns:
        The counts (1 + layers) of each pair; the first one is that of the failures.

    Raises:
        NothingToPlotError: no success has a structure.
    """
    counted = {}
    for pair, rows in results.rows.groupby(["victim", "attack"], sort=False):
        structures = [decode(masked) for masked in rows["masked"].dropna()]
        if structures:
            layers = [layer for structure in structures for layer in structure.layers]
            most = max(structure.shape.layers for structure in structures)
            failures = int((rows["outcome"] == "failed").sum())
            counted[pair] = np.array([failures, *np.bincount(layers, minlength=most)])
    if not counted:
        raise NothingToPlotError("a success of an attack on attention")
    return counted


def _mark(victim: str, attack: str, layer: int, share: float) -> Mark:
    where = {"outcome": "failed"} if layer == FAILED else {"layer": layer}
    examples = {"victim": victim, "attack": attack, **where}
    return Mark(examples, {"share of the counts": f"{share:.1%}"})
