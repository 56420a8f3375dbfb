"""The figure of one head's attention before and after an attack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.axes import Axes

from ..errors import InvalidInputError
from ..errors.printable import printable, shortened
from .figure import FADING, STYLE, PlainFigure
from .head_attention import AttentionMap, HeadAttention, ShowsAttention

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

    Raises:
        InvalidInputError: the maps and the tokens are of different lengths.
    """
    if not isinstance(before, ShowsAttention):
        return _drawn(before, after, tokens, masked, title)
    found = before.attention()
    return _drawn(found.before, found.after, found.tokens, found.masked, _title_of(found))


def plot_attention_maps(maps: Sequence[AttentionMap]) -> PlainFigure:
    """Draws attention maps side by side, each with its own tokens (paper, Figure 5).

    Args:
        maps: the maps, as `AttentionModelWrapper.attention_map` returns them for a text: of several
            victims, or of several texts.

    Raises:
        InvalidInputError: there is no map.
    """
    if not maps:
        raise InvalidInputError("maps: expected at least one attention map, got none")
    return _side_by_side(maps, "")


def _drawn(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    tokens: Sequence[str],
    masked: Iterable[tuple[int, int]],
    title: str,
) -> PlainFigure:
    cells = tuple(masked)
    both = (("before", before), ("after", after))
    return _side_by_side([AttentionMap(own, tokens, name, cells) for name, own in both], title)


def _side_by_side(maps: Sequence[AttentionMap], title: str) -> PlainFigure:
    """Draws a panel for each map; neighbours with the same tokens name them once."""
    labels = [[_short(token) for token in own.tokens] for own in maps]
    sizes = [_size(tokens) for tokens in labels]
    with rc_context(STYLE):
        figure = PlainFigure(figsize=(sum(sizes), max(sizes) + 0.4), layout="constrained")
        panels = figure.subplots(1, len(maps), squeeze=False, width_ratios=sizes)[0]
        for number, (axes, own, tokens) in enumerate(zip(panels, maps, labels, strict=True)):
            _draw(axes, own, tokens)
            if number and tokens == labels[number - 1]:
                axes.tick_params(labelleft=False)
        figure.suptitle(title)
        # Square panels fit only when the layout was computed twice; saving computes it once.
        figure.draw_without_rendering()
    return figure


def _draw(axes: Axes, own: AttentionMap, tokens: Sequence[str]) -> None:
    axes.imshow(np.asarray(own.values), cmap=FADING, vmin=0, vmax=1)
    axes.scatter(
        [key for _, key in own.masked],
        [query for query, _ in own.masked],
        s=110,
        marker="s",
        facecolors="none",
        edgecolors=MASKED,
        linewidths=1.2,
    )
    axes.set_xticks(range(len(tokens)), tokens, rotation=90)
    axes.set_yticks(range(len(tokens)), tokens)
    axes.set(title=shortened(own.title, LONGEST_TITLE), xlabel="attends to")


def _size(tokens: Sequence[str]) -> float:
    """Returns the width of a panel in inches."""
    longer = max(0, max(map(len, tokens), default=0) - 8)
    return 1.6 + 0.24 * len(tokens) + 0.09 * longer


def _title_of(found: HeadAttention) -> str:
    """Returns the place of a head in the model, and a short form of what it read."""
    place = f"layer {found.layer}, head {found.head}"
    return f"{place}: {shortened(found.where, LONGEST_TITLE)}" if found.where else place


def _short(token: str) -> str:
    """Returns a token as the label of an axis."""
    token = printable(token)
    return token if len(token) <= LONGEST_TOKEN else f"{token[: LONGEST_TOKEN - 1]}…"
