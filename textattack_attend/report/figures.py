"""Figures, each a matplotlib `Figure`: ``figure.savefig("layers.svg")``, or .png, .pdf.

They are drawn for any background: all lines and letters have one colour, and maps fade to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import cycle, starmap
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, PercentFormatter, StrMethodFormatter

from ..benchmark import Results, summary
from ..benchmark.row import unpacked
from ..errors import InvalidInputError

INK = "#5f6672"
"""Legible on white and on black."""
COLORS = ("#3b82d0", "#d9703b", "#2f9e6e", "#b5569c", "#b8952a", "#5ab1c9", "#8a74d6")
MASKED = "#e0393e"
_fading = LinearSegmentedColormap.from_list("fading", ["#3b82d000", "#3b82d0ff"])
_style: Any = {
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlesize": "medium",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "svg.fonttype": "none",
}


class NothingToPlotError(InvalidInputError):
    """Results lack what a figure shows."""

    def __init__(self, expected: str) -> None:
        super().__init__(f"the figure: expected {expected}, got none in these results")


def plot_attention(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    tokens: Sequence[str],
    masked: Iterable[tuple[int, int]],
    title: str = "",
) -> Figure:
    """Attention before and after an attack, masked units framed (the paper's Figures 1, 4, 5).

    Args:
        before: probabilities of one head, float (T, T), a row for every query.
        after: the same under the structure.
        tokens: T of them.
        masked: (query, key) of every masked unit of the head.
        title: of the figure.
    """
    cells = list(masked)
    size = 1.6 + 0.24 * len(tokens)
    with rc_context(_style):
        figure = Figure(figsize=(2 * size, size + 0.4), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, values, name in zip(panels, (before, after), ("before", "after"), strict=True):
            axes.imshow(np.asarray(values), cmap=_fading, vmin=0, vmax=1)
            axes.scatter(
                [key for _, key in cells],
                [query for query, _ in cells],
                s=110,
                marker="s",
                facecolors="none",
                edgecolors=MASKED,
                linewidths=1.2,
            )
            axes.set_xticks(range(len(tokens)), tokens, rotation=90)
            axes.set_yticks(range(len(tokens)), tokens)
            axes.set(title=name, xlabel="attends to")
        figure.suptitle(title)
    return figure


def plot_layers(results: Results) -> Figure:
    """Share of the masked units of successes that lie in each layer (the paper's Figure 3).

    Raises:
        NothingToPlotError: no success has a structure.
    """
    with rc_context(_style):
        figure = Figure(figsize=(7, 3.2), layout="constrained")
        axes = figure.subplots()
        counts = _by_matrix(results, len)
        colors = _colors(results)
        width = 0.8 / len(counts)
        for number, (name, units) in enumerate(counts.items()):
            shares = units.sum(1) / units.sum()
            places = np.arange(len(shares)) + (number - (len(counts) - 1) / 2) * width
            axes.bar(places, shares, width, label=name, color=colors[name])
        axes.set_xticks(range(max(len(units) for units in counts.values())))
        axes.set(xlabel="layer", ylabel="share of masked units")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        _legend(figure, axes)
    return figure


def plot_heads(results: Results) -> Figure:
    """How many successes mask units of each head of each layer, a map for every attack.

    Raises:
        NothingToPlotError: no success has a structure.
    """
    found = _by_matrix(results, lambda cells: 1)
    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    with rc_context(_style):
        figure = Figure(figsize=(3.4 * columns, 2.6 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels[len(found) :]:
            axes.remove()
        for axes, (name, times) in zip(panels, found.items(), strict=False):
            most = max(1, times.max())
            axes.imshow(times, cmap=_fading, vmin=0, vmax=most, aspect="auto")
            axes.set(title=name, xlabel="head", ylabel="layer")
            axes.set_xticks(range(times.shape[1]))
            axes.set_yticks(range(times.shape[0]))
            for layer, head in np.ndindex(times.shape):
                count = int(times[layer, head])
                color = "white" if count > most / 2 else INK
                axes.text(head, layer, count, ha="center", va="center", fontsize=7, color=color)
    return figure


def plot_robustness(results: Results) -> Figure:
    """Accuracy over the share of masked units, with 95% intervals, a line for every attack.

    Raises:
        NothingToPlotError: no attack is there at several shares.
    """
    found = summary(results)
    robust = found[found["measure"] == "robust"].set_index(["victim", "attack"])
    colors, called = _colors(results), _namer(results)
    with rc_context(_style):
        figure = Figure(figsize=(7, 3.6), layout="constrained")
        axes = figure.subplots()
        for name, points in _by_fraction(results).items():
            line = robust.loc[[key for _, key in points]]
            fractions = [fraction for fraction, _ in points]
            color = colors[called(*points[-1][1])]
            axes.plot(fractions, line["mean"], marker="o", label=name, color=color)
            axes.fill_between(fractions, line["low"], line["high"], color=color, alpha=0.2, lw=0)
        axes.set(xscale="log", xlabel="share of masked units", ylabel="accuracy", ylim=(0, 1))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1))
        _legend(figure, axes)
    return figure


def plot_efficiency(results: Results) -> Figure:
    """ASR over seconds and over queries for an example, a point for every attack."""
    keys = ["victim", "attack"]
    long = summary(results)
    found = long.pivot(index=keys, columns="measure", values="mean")
    found = found.loc[long.set_index(keys).index.unique()]
    colors, name = _colors(results), _namer(results)
    with rc_context(_style):
        figure = Figure(figsize=(8, 3.4), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, cost in zip(panels, ("seconds", "queries"), strict=True):
            for (victim, attack), line in found.iterrows():
                label = name(victim, attack)
                axes.scatter(line[cost], line["ASR"], color=colors[label], label=label)
            axes.set(xscale="log", xlabel=f"{cost} per example", ylim=(-0.03, 1.03))
            axes.set_xlim(found[cost].min() / 3, found[cost].max() * 3)
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_locator(NullLocator())
        panels[0].set_ylabel("ASR")
        panels[0].yaxis.set_major_formatter(PercentFormatter(1))
        _legend(figure, panels[0])
    return figure


def _by_fraction(results: Results) -> dict[str, list[tuple[float, tuple[str, str]]]]:
    """For every attack on every victim at several shares: these, and its labels at each."""
    name = _namer(results)
    lines: dict[str, dict[float, tuple[str, str]]] = {}
    attacks = {label: a for recipe in results.recipes for label, a in recipe.attacks.items()}
    for victim, label in results.rows[["victim", "attack"]].drop_duplicates().to_numpy():
        attack = attacks[label]
        options = {"mask_fraction": 0.01, **attack.options}
        fraction = options.pop("mask_fraction")
        if attack.recipe.startswith("hackattend"):
            said = ", ".join([attack.recipe, *(f"{k}={v}" for k, v in sorted(options.items()))])
            lines.setdefault(name(victim, said), {})[fraction] = (victim, label)
    found = {name: sorted(points.items()) for name, points in lines.items() if len(points) > 1}
    if not found:
        raise NothingToPlotError("an attack on attention at several values of mask_fraction")
    return found


def _by_matrix(
    results: Results, count: Callable[[list[tuple[int, int]]], int]
) -> dict[str, npt.NDArray[np.int64]]:
    """Counts of the masked units of all successes, (layers, heads), for every attack and victim."""
    successes = results.rows[results.rows["masked"].notna()]
    if successes.empty:
        raise NothingToPlotError("a success of an attack on attention")
    name = _namer(results)
    found: dict[str, npt.NDArray[np.int64]] = {}
    for row in successes.itertuples():
        (layers, heads, _), matrices = unpacked(row.masked)
        empty = np.zeros((layers, heads), dtype=np.int64)
        counts = found.setdefault(name(row.victim, row.attack), empty)
        for matrix, cells in matrices.items():
            counts[matrix] += count(cells)
    return found


def _namer(results: Results) -> Callable[[str, str], str]:
    """What an attack on a victim is called: by the attack alone, where there is one victim."""
    if results.rows["victim"].nunique() == 1:
        return lambda victim, attack: attack
    return lambda victim, attack: f"{attack} on {victim}"


def _colors(results: Results) -> dict[str, str]:
    """Of every attack on a victim the colour that it has in all figures."""
    pairs = results.rows[["victim", "attack"]].drop_duplicates().to_numpy()
    return dict(zip(starmap(_namer(results), pairs), cycle(COLORS), strict=False))


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    columns = 3 if max(map(len, labels)) < 24 else 1
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)
