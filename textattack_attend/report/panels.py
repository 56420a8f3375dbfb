"""The colours, the panels and the legend that figures of attacks share.

If there is one victim, every attack has a colour; if there are several, every victim has a colour,
and every attack a panel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..benchmark import Results
from ..display.figure import INK, STYLE, PlainFigure
from .marks import LinkedFigure

__all__ = [
    "INK",
    "STYLE",
    "PlainFigure",
    "colors_of",
    "in_a_legend",
    "labels_of",
    "legend",
    "markers_of",
    "one_victim",
    "pairs_of",
    "panels_of",
    "subplots",
]

NUMBER = "#1d2026"
"""The colour of a number on a coloured cell; the page shows it, like `INK`, in its own colour."""
COLORS = ("#3b82d0", "#d9703b", "#2f9e6e", "#b5569c", "#a38322", "#3a93ab", "#8a74d6")
"""The colours of attacks, or of victims; each stands out on white and on black."""
MARKERS = "osD^vP*X"
ALONE, BESIDE = (7, 3.4), (4.4, 2.8)
"""The width and height, in inches, of the only panel of a figure, and of one of several."""
LEGEND_ROW = 0.22
"""The height of a row of the legend, in inches."""
WIDTHLESS = "\N{WORD JOINER}"
Pair = tuple[str, str]
"""A victim and an attack, by their labels."""


def one_victim(results: Results) -> bool:
    """Returns whether there is only one victim, so that colours can tell attacks apart."""
    return bool(results.rows["victim"].nunique() == 1)


def pairs_of(results: Results) -> list[Pair]:
    """Returns the pairs of a victim and an attack, in the order of the rows."""
    pairs = results.rows[["victim", "attack"]].drop_duplicates()
    return list(pairs.itertuples(index=False, name=None))


def panels_of(results: Results, found: Mapping[Pair, Any]) -> dict[str, list[Pair]]:
    """Returns the pairs of each panel by its title: one panel for a single victim, else one for
    every attack.
    """
    if one_victim(results):
        return {"": list(found)}
    attacks = dict.fromkeys(attack for _, attack in found)
    return {attack: [pair for pair in found if pair[1] == attack] for attack in attacks}


def labels_of(results: Results) -> Callable[[str, str], str]:
    """Returns the function that names an attack on a victim in a legend."""
    if one_victim(results):
        return lambda victim, attack: in_a_legend(attack)
    return lambda victim, attack: in_a_legend(victim)


def in_a_legend(label: str) -> str:
    """Returns a label that stays in a legend; matplotlib leaves out one that begins with ``_``."""
    return f"{WIDTHLESS}{label}" if label.startswith("_") else label


def colors_of(results: Results) -> Callable[[str, str], str]:
    """Returns the function that gives an attack on a victim its colour in all figures."""
    label = labels_of(results)
    labels = dict.fromkeys(label(*pair) for pair in pairs_of(results))
    colors = dict(zip(labels, cycle(COLORS), strict=False))
    return lambda victim, attack: colors[label(victim, attack)]


def markers_of(results: Results) -> Callable[[str], str]:
    """Returns the function that gives an attack its marker, the same for all with one victim."""
    if one_victim(results):
        return lambda attack: MARKERS[0]
    attacks = dict.fromkeys(attack for _, attack in pairs_of(results))
    return dict(zip(attacks, cycle(MARKERS), strict=False)).__getitem__


def subplots(
    count: int, columns: int, size: tuple[float, float]
) -> tuple[LinkedFigure, list[Axes]]:
    """Makes a figure of panels in rows, each of a size (width, height) in inches."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = LinkedFigure(figsize=(columns * size[0], rows * size[1]), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[count:]:
        axes.remove()
    return figure, list(panels[:count])


def legend(figure: Figure, every: Sequence[Axes]) -> None:
    """Adds a legend under the panels, which has each label once and makes the figure higher."""
    handles = {
        label: handle
        for axes in every
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    columns = 3 if max(map(len, handles)) < 24 else 1
    rows = -(-len(handles) // columns)
    figure.set_figheight(figure.get_figheight() + LEGEND_ROW * (rows - 1))
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=columns)
