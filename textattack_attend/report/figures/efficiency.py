"""The figure of the success rate over the seconds and queries of an attacked example."""

from __future__ import annotations

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, PercentFormatter, StrMethodFormatter

from ...benchmark import Results, summary
from ..marks import LinkedFigure, Mark
from ..panels import (
    INK,
    STYLE,
    colors_of,
    in_a_legend,
    labels_of,
    legend,
    markers_of,
    one_victim,
)
from .registry import NothingToPlotError, figure


@figure("efficiency", "Success rate over the cost of an attacked example")
def plot_efficiency(results: Results) -> Figure:
    """Draws ASR over the seconds and queries of an example, a point for each attack on a victim.

    Raises:
        NothingToPlotError: every example was skipped, or raised.
    """
    keys = ["victim", "attack"]
    long = summary(results)
    found = long.pivot(index=keys, columns="measure", values="mean")
    found = found.loc[long.set_index(keys).index.unique()]
    found = found.reindex(columns=["ASR", "seconds", "queries"]).dropna()
    if found.empty:
        raise NothingToPlotError("an attacked example")
    color, label, marker = colors_of(results), labels_of(results), markers_of(results)
    with rc_context(STYLE):
        figure = LinkedFigure(figsize=(8, 3.4), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, cost in zip(panels, ("seconds", "queries"), strict=True):
            for pair, line in found.iterrows():
                point = axes.scatter(
                    line[cost],
                    line["ASR"],
                    color=color(*pair),
                    label=label(*pair),
                    marker=marker(pair[1]),
                )
                figure.link(point, [_mark(pair[0], pair[1], line)])
            axes.set(xscale="log", xlabel=f"{cost} per attacked example", ylim=(-0.03, 1.03))
            axes.set_xlim(found[cost].min() / 3, found[cost].max() * 3)
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_locator(NullLocator())
        if not one_victim(results):
            for attack in dict.fromkeys(attack for _, attack in found.index):
                panels[1].scatter(
                    [], [], color=INK, label=in_a_legend(attack), marker=marker(attack)
                )
        panels[0].set_ylabel("attack success rate (ASR)")
        panels[0].yaxis.set_major_formatter(PercentFormatter(1))
        legend(figure, panels)
    return figure


def _mark(victim: str, attack: str, line: pd.Series) -> Mark:
    numbers = {"ASR": f"{line['ASR']:.1%}"}
    numbers |= {cost: f"{line[cost]:.3g}" for cost in ("seconds", "queries")}
    return Mark({"victim": victim, "attack": attack}, numbers)
