"""Figures, results and tables in a real notebook, without a magic line."""

from __future__ import annotations

import base64
import os
from typing import Any

import nbformat.v4
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib import rc_context
from nbclient import NotebookClient

from textattack_attend.display.figure import STYLE, PlainFigure
from textattack_attend.display.html import block, paragraph, shaded, table

PNG = b"\x89PNG\r\n\x1a\n"
CELLS = (
    "import numpy as np\nfrom textattack_attend import plot_attention, Structure\n"
    "from textattack_attend.structures import Shape",
    "plot_attention(np.eye(2), np.ones((2, 2)) / 2, ['a', '<b>'], [(0, 1)], 'a title')",
    "Structure.from_units(Shape(2, 2, 3), [(0, 1, 1, 2)])",
)


def figure() -> PlainFigure:
    with rc_context(STYLE):
        drawn = PlainFigure(figsize=(2, 1))
        drawn.subplots().set_title("a <title> of $5 & more")
    return drawn


def test_a_figure_is_shown_as_svg_and_as_png() -> None:
    shown, _ = DisplayFormatter().format(figure())
    assert shown["image/svg+xml"].startswith("<?xml")
    assert "a &lt;title&gt; of $5 &amp; more" in shown["image/svg+xml"]
    assert shown["image/png"].startswith(PNG)


def test_a_notebook_shows_a_figure_and_a_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(env=dict(os.environ))
    _, (picture,), (counts,) = (cell.outputs for cell in notebook.cells)
    assert "a title" in picture["data"]["image/svg+xml"]
    assert base64.b64decode(picture["data"]["image/png"]).startswith(PNG)
    assert "masked 1 attention unit" in counts["data"]["text/html"]


HOSTILE: Any = '<img src=x onerror="alert(1)">\x1b[31m'


def test_everything_but_our_own_markup_is_escaped() -> None:
    html = block(
        paragraph(HOSTILE),
        table([HOSTILE], [[HOSTILE], [shaded(HOSTILE, 1)]], "right"),
    )
    assert "<img" not in html
    assert "\x1b" not in html
    assert html.count("&lt;img src=x onerror=&#34;alert(1)&#34;&gt;\\x1b[31m") == 4
