"""The figure of accuracy over the mask fraction."""

from __future__ import annotations

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, PercentFormatter

from ...benchmark import Results, summary
from ...errors import is_number
from ..marks import Mark
from ..panels import (
    ALONE,
    BESIDE,
    STYLE,
    Pair,
    colors_of,
    labels_of,
    legend,
    pairs_of,
    panels_of,
    subplots,
)
from .registry import NothingToPlotError, figure

ALLOWED = "allowed share of the units of a matrix (mask_fraction)"
MOST_LABELS = 3
"""The most attacks of a line whose labels are all in the legend."""


@figure("robustness", "Accuracy over the share of units that may be masked")
def plot_robustness(results: Results) -> Figure:
    """Draws robust accuracy over the mask fraction, with 95% intervals.

    Raises:
        NothingToPlotError: no attack has several mask fractions.
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
                axes.plot(fractions, line["mean"], label=label(*pair), color=own)
                points = axes.scatter(fractions, line["mean"], color=own, zorder=3)
                figure.link(
                    points,
                    [
                        _mark(pair[0], found[pair][fraction], fraction, mean)
                        for fraction, mean in zip(fractions, line["mean"], strict=True)
                    ],
                )
                axes.fill_between(fractions, line["low"], line["high"], color=own, alpha=0.2, lw=0)
            axes.set(title=title, xscale="log", ylim=(0, 1))
            axes.set(xlabel=ALLOWED, ylabel="accuracy under attack")
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(PercentFormatter(1))
            axes.xaxis.set_minor_formatter(
                NullFormatter()
            )  # the default formatter writes mathematics
        legend(figure, every)
    return figure


def _mark(victim: str, attack: str, fraction: float, accuracy: float) -> Mark:
    numbers = {"allowed share": f"{fraction:.3%}", "accuracy": f"{accuracy:.1%}"}
    return Mark({"victim": victim, "attack": attack}, numbers)


def _by_fraction(results: Results) -> dict[Pair, dict[float, str]]:
    """Returns, for every victim and line, the labels of its attacks by their mask fractions.

    The attacks of a line are of one recipe and differ in no other option. The line has their labels
    as they are in the tables, so that an attack has one name in all of the page.

    Raises:
        NothingToPlotError: no attack has two mask fractions.
    """
    lines: dict[tuple[str, str], dict[float, str]] = {}
    for victim, label in pairs_of(results):
        attack = next(
            recipe.attacks[label]
            for recipe in reversed(results.recipes)
            if victim in recipe.victims and label in recipe.attacks
        )
        options = {"mask_fraction": 0.01, **attack.options}
        fraction = options.pop("mask_fraction")
        if attack.recipe.startswith("hackattend") and is_number(fraction):
            others = repr([attack.recipe, sorted(options.items())])
            lines.setdefault((victim, others), {})[fraction] = label
    found = {
        (victim, _name(labels)): labels for (victim, _), labels in lines.items() if len(labels) > 1
    }
    if not found:
        raise NothingToPlotError("an attack on attention at several values of mask_fraction")
    return found


def _name(labels: dict[float, str]) -> str:
    """Returns the labels of a line in the order of the line, of many the first and the last."""
    every = [labels[fraction] for fraction in sorted(labels)]
    return ", ".join(every) if len(every) <= MOST_LABELS else f"{every[0]} to {every[-1]}"
