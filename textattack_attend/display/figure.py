"""The style of all figures, and the figure that shows itself in a notebook."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib import rc_context
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.text import Text

from ..errors.printable import printable

INK = "#5f6672"
"""The colour of text and axes, legible on white and on black."""
FADING = LinearSegmentedColormap.from_list("fading", ["#3b82d000", "#3b82d0ff"])
STYLE: Any = {
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
    # A text is never mathematics or TeX: its dollars are dollars.
    "text.parse_math": False,
    "text.usetex": False,
}


class PlainFigure(Figure):
    """A figure that shows any text as it is, and draws without warnings.

    Characters that no file of a figure can contain are replaced. Matplotlib would warn of every
    letter that its font lacks (emoji, Chinese), although an SVG leaves letters to the browser's
    fonts, and a bitmap visibly shows a box. A notebook shows it without any magic line.
    """

    def _repr_svg_(self) -> str:
        """Returns the figure as SVG, which notebooks show first."""
        file = io.StringIO()
        with rc_context(STYLE):
            self.savefig(file, format="svg", metadata={"Date": None})
        return file.getvalue()

    def _repr_png_(self) -> bytes:
        """Returns the figure as PNG, for places that show no SVG, as a PDF of a notebook."""
        file = io.BytesIO()
        with rc_context(STYLE):
            self.savefig(file, format="png", dpi=144)
        return file.getvalue()

    def draw(self, renderer: Any) -> None:
        """Draws the figure; matplotlib calls this whenever it saves or lays out a figure."""
        for text in self.findobj(Text):
            text.set_text(printable(text.get_text()))
        with _without_a_word_of_glyphs():
            super().draw(renderer)

    def get_tightbbox(self, *arguments: Any, **options: Any) -> Any:
        """Measures the texts; matplotlib calls this for ``bbox_inches="tight"``."""
        with _without_a_word_of_glyphs():
            return super().get_tightbbox(*arguments, **options)


@contextmanager
def _without_a_word_of_glyphs() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        yield
