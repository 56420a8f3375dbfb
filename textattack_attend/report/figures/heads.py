"""The figure of the successes that mask units of each head."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ...benchmark import Results
from ...display.figure import FADING
from ..marks import LinkedFigure, Mark
from ..panels import NUMBER, STYLE, Pair, one_victim, subplots
from .registry import by_matrix, figure

STRONGEST = 0.7
"""The share of the strongest colour that a cell gets at most, so that its number is legible."""


@figure("heads", "Successes that mask units of a head")
def plot_heads(results: Results) -> Figure:
    """Draws, for every attack, a map of the number of successes that mask units of each matrix.

    Raises:
        NothingToPlotError: no success has a structure.
    """
    found = by_matrix(results)
    alone = one_victim(results)
    with rc_context(STYLE):
        figure, every = subplots(len(found), 3, (3.4, 2.6))
        for axes, ((victim, attack), masked) in zip(every, found.items(), strict=True):
            _draw_map(figure, axes, (victim, attack), masked.successes)
            title = attack if alone else f"{attack} on {victim}"
            axes.set(title=title, xlabel="head", ylabel="layer")
    return figure


def _draw_map(
    figure: LinkedFigure, axes: Axes, pair: Pair, successes: npt.NDArray[np.int64]
) -> None:
    """Draws a cell for every matrix that successes perturb, and a number for each matrix."""
    layers, heads = successes.shape
    cells = [(int(layer), int(head)) for layer, head in np.argwhere(successes)]
    squares = [Rectangle((head - 0.5, layer - 0.5), 1, 1) for layer, head in cells]
    colored = PatchCollection(squares, cmap=FADING)
    colored.set_array([successes[cell] for cell in cells])
    colored.set_clim(0, max(1, successes.max()) / STRONGEST)
    axes.add_collection(colored)
    figure.link(colored, [_mark(*pair, *cell, successes[cell]) for cell in cells])
    axes.set(xlim=(-0.5, heads - 0.5), ylim=(layers - 0.5, -0.5))
    axes.set(xticks=range(heads), yticks=range(layers))
    for (layer, head), count in np.ndenumerate(successes):
        number = axes.text(head, layer, str(count), ha="center", va="center", fontsize=7)
        number.set(color=NUMBER, in_layout=False)  # measuring thousands takes seconds


def _mark(victim: str, attack: str, layer: int, head: int, count: int) -> Mark:
    examples = {"victim": victim, "attack": attack, "layer": layer, "head": head}
    return Mark(examples, {"successes": str(count)})
