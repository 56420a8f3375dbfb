"""Figures, each a matplotlib `Figure`: ``figure.savefig("layers.svg")``, or .png, .pdf.

They are drawn for any background: all lines and letters have one colour, and maps fade to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import (
    LogLocator,
    NullFormatter,
    NullLocator,
    PercentFormatter,
    StrMethodFormatter,
)

from ..benchmark import Results, summary
from ..errors import InvalidInputError, is_number
from ..errors.printable import printable
from ..structures import decode
from .panels import (
    ALONE,
    BESIDE,
    INK,
    STYLE,
    Pair,
    PlainFigure,
    colors_of,
    in_a_legend,
    labels_of,
    legend,
    markers_of,
    one_victim,
    pairs_of,
    panels_of,
    subplots,
)

MASKED = "#e0393e"
LONGEST_TOKEN = 24
"""The most characters of a token; only the beginning of a longer one is shown."""
_fading = LinearSegmentedColormap.from_list("fading", ["#3b82d000", "#3b82d0ff"])


class NothingToPlotError(InvalidInputError):
    """The results lack the data that a figure shows."""

    def __init__(self, expected: str) -> None:
        super().__init__(f"the figure: expected {expected}, got none in these results")


def plot_attention(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    tokens: Sequence[str],
    masked: Iterable[tuple[int, int]],
    title: str = "",
) -> Figure:
    """Draws attention before and after an attack, masked units framed (paper, Figures 1, 4, 5).

    Args:
        before: probabilities of one head, float (T, T), a row for every query.
        after: the attention under the structure.
        tokens: T of them.
        masked: (query, key) of every masked unit of the head.
        title: the title of the figure.
    """
    cells = list(masked)
    tokens = [_short(token) for token in tokens]
    longer = max(0, max(map(len, tokens), default=0) - 8)
    size = 1.6 + 0.24 * len(tokens) + 0.09 * longer
    with rc_context(STYLE):
        figure = PlainFigure(figsize=(2 * size, size + 0.4), layout="constrained")
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
    """Draws the share of the masked units of successes that lie in each layer (paper, Figure 3).

    Raises:
        NothingToPlotError: no success has a structure.
    """
    found = _by_matrix(results, lambda units: units)
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
                axes.bar(places, shares, width, label=label(*pair), color=color(*pair))
            axes.set_xticks(range(most))
            axes.set(title=title, xlabel="layer", ylabel="share of masked units")
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        legend(figure, every)
    return figure


def plot_heads(results: Results) -> Figure:
    """Draws, for every attack, a map of the number of successes that mask units of each matrix.

    Raises:
        NothingToPlotError: no success has a structure.
    """
    found = _by_matrix(results, lambda units: 1)
    alone = one_victim(results)
    with rc_context(STYLE):
        figure, every = subplots(len(found), 3, (3.4, 2.6))
        for axes, ((victim, attack), times) in zip(every, found.items(), strict=True):
            most = max(1, times.max())
            axes.imshow(times, cmap=_fading, vmin=0, vmax=most, aspect="auto")
            title = attack if alone else f"{attack} on {victim}"
            axes.set(title=title, xlabel="head", ylabel="layer")
            axes.set_xticks(range(times.shape[1]))
            axes.set_yticks(range(times.shape[0]))
            for layer, head in np.ndindex(times.shape):
                count = int(times[layer, head])
                color = "white" if count > most / 2 else INK
                number = axes.text(head, layer, str(count), ha="center", va="center", fontsize=7)
                number.set(color=color, in_layout=False)  # measuring thousands takes seconds
    return figure


def plot_robustness(results: Results) -> Figure:
    """Draws robust accuracy over the mask fraction, with 95% intervals.

    Raises:
        NothingToPlotError: no attack is there at several shares.
    """
    measured = summary(results)
    robust = measured[measured["measure"] == "robust"].set_index(["victim", "attack"])
    found = _by_fraction(results)
    panels = panels_of(results, found)
    color, label = colors_of(results), labels_of(results)
    with rc_context(STYLE):
        figure, every = subplots(len(panels), 2, ALONE if len(panels) == 1 else BESIDE)
        for axes, (title, pairs) in zip(every, panels.items(), strict=True):
            for pair in pairs:
                fractions = sorted(found[pair])
                line = robust.loc[[(pair[0], found[pair][fraction]) for fraction in fractions]]
                own = color(pair[0], found[pair][fractions[-1]])
                axes.plot(fractions, line["mean"], marker="o", label=label(*pair), color=own)
                axes.fill_between(fractions, line["low"], line["high"], color=own, alpha=0.2, lw=0)
            axes.set(title=title, xscale="log", xlabel="share of masked units", ylim=(0, 1))
            axes.set_ylabel("accuracy")
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(PercentFormatter(1))
            axes.xaxis.set_minor_formatter(
                NullFormatter()
            )  # the default formatter writes mathematics
        legend(figure, every)
    return figure


def plot_efficiency(results: Results) -> Figure:
    """Draws ASR over seconds and queries for an example, a point for each attack and victim.

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
        figure = PlainFigure(figsize=(8, 3.4), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, cost in zip(panels, ("seconds", "queries"), strict=True):
            for pair, line in found.iterrows():
                axes.scatter(
                    line[cost],
                    line["ASR"],
                    color=color(*pair),
                    label=label(*pair),
                    marker=marker(pair[1]),
                )
            axes.set(xscale="log", xlabel=f"{cost} per example", ylim=(-0.03, 1.03))
            axes.set_xlim(found[cost].min() / 3, found[cost].max() * 3)
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_locator(NullLocator())
        if not one_victim(results):
            for attack in dict.fromkeys(attack for _, attack in found.index):
                panels[1].scatter(
                    [], [], color=INK, label=in_a_legend(attack), marker=marker(attack)
                )
        panels[0].set_ylabel("ASR")
        panels[0].yaxis.set_major_formatter(PercentFormatter(1))
        legend(figure, panels)
    return figure


def _short(token: str) -> str:
    """Returns a token as the label of an axis."""
    token = printable(token)
    return token if len(token) <= LONGEST_TOKEN else f"{token[: LONGEST_TOKEN - 1]}…"


def _by_fraction(results: Results) -> dict[Pair, dict[float, str]]:
    """Returns, for every victim and attack with fixed other options, its labels by mask fraction.

    Raises:
        NothingToPlotError: no attack has two mask fractions.
    """
    found: dict[Pair, dict[float, str]] = {}
    for victim, label in pairs_of(results):
        attack = next(
            recipe.attacks[label]
            for recipe in reversed(results.recipes)
            if victim in recipe.victims and label in recipe.attacks
        )
        options = {"mask_fraction": 0.01, **attack.options}
        fraction = options.pop("mask_fraction")
        if attack.recipe.startswith("hackattend") and is_number(fraction):
            said = ", ".join([attack.recipe, *(f"{k}={v}" for k, v in sorted(options.items()))])
            found.setdefault((victim, said), {})[fraction] = label
    found = {pair: labels for pair, labels in found.items() if len(labels) > 1}
    if not found:
        raise NothingToPlotError("an attack on attention at several values of mask_fraction")
    return found


def _by_matrix(results: Results, count: Callable[[int], int]) -> dict[Pair, npt.NDArray[np.int64]]:
    """Returns, for every victim and attack, a sum over successes for each matrix, (layers, heads).

    Args:
        results: the results of attacks.
        count: a function that takes the number of a matrix's masked units and returns its summand.

    Raises:
        NothingToPlotError: there are no successes.
    """
    successes = results.rows[results.rows["masked"].notna()]
    if successes.empty:
        raise NothingToPlotError("a success of an attack on attention")
    found: dict[Pair, npt.NDArray[np.int64]] = {}
    for (victim, attack), rows in successes.groupby(["victim", "attack"], sort=False):
        structures = [decode(masked) for masked in rows["masked"]]
        # The models of a victim may be of different sizes.
        largest = np.max([structure.shape.size[:2] for structure in structures], axis=0)
        counts = found.setdefault((victim, attack), np.zeros(largest, dtype=np.int64))
        for structure in structures:
            for matrix in structure.matrices:
                counts[matrix] += count(len(structure.cells(*matrix)))
    return found
