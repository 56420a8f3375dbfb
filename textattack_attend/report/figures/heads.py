"""The figure of the successes that mask units of each head."""

from __future__ import annotations

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from ...benchmark import Results
from ...display.figure import FADING
from ..panels import INK, STYLE, one_victim, subplots
from .registry import by_matrix, figure


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
            times = masked.successes
            most = max(1, times.max())
            axes.imshow(times, cmap=FADING, vmin=0, vmax=most, aspect="auto")
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
