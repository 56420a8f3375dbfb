"""The figure of one head's attention before and after an attack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context

from ..errors.printable import printable, shortened
from .figure import FADING, STYLE, PlainFigure
from .head_attention import HeadAttention, ShowsAttention

MASKED = "#e0393e"
LONGEST_TITLE = 60
"""The most characters of the text in a title."""
LONGEST_TOKEN = 24
"""The most characters of a token; only the beginning of a longer one is shown."""


@overload
def plot_attention(before: ShowsAttention, /) -> PlainFigure: ...
@overload
def plot_attention(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    tokens: Sequence[str],
    masked: Iterable[tuple[int, int]],
    title: str = "",
) -> PlainFigure: ...
def plot_attention(
    before: npt.ArrayLike | ShowsAttention,
    after: npt.ArrayLike = (),
    tokens: Sequence[str] = (),
    masked: Iterable[tuple[int, int]] = (),
    title: str = "",
) -> PlainFigure:
    """Draws attention before and after an attack, masked units framed (paper, Figures 1, 4, 5).

    ``plot_attention(result)`` draws the head of a result that lost most attention.

    Args:
        before: the attention probabilities of one head, float (T, T), a row for every query; or
            the result of an attack, and then nothing else.
        after: the attention probabilities under the structure, float (T, T).
        tokens: the T tokens of the text.
        masked: (query, key) of every masked unit of the head.
        title: the title of the figure.
    """
    if not isinstance(before, ShowsAttention):
        return _drawn(before, after, tokens, masked, title)
    found = before.attention()
    return _drawn(found.before, found.after, found.tokens, found.masked, _title_of(found))


def _drawn(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    tokens: Sequence[str],
    masked: Iterable[tuple[int, int]],
    title: str,
) -> PlainFigure:
    cells = list(masked)
    tokens = [_short(token) for token in tokens]
    longer = max(0, max(map(len, tokens), default=0) - 8)
    size = 1.6 + 0.24 * len(tokens) + 0.09 * longer
    with rc_context(STYLE):
        figure = PlainFigure(figsize=(2 * size, size + 0.4), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, values, name in zip(panels, (before, after), ("before", "after"), strict=True):
            axes.imshow(np.asarray(values), cmap=FADING, vmin=0, vmax=1)
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


def _title_of(found: HeadAttention) -> str:
    """Returns the place of a head in the model, and a short form of what it read."""
    place = f"layer {found.layer}, head {found.head}"
    return f"{place}: {shortened(found.where, LONGEST_TITLE)}" if found.where else place


def _short(token: str) -> str:
    """Returns a token as the label of an axis."""
    token = printable(token)
    return token if len(token) <= LONGEST_TOKEN else f"{token[: LONGEST_TOKEN - 1]}…"
