"""Tables and figures as the templates of the page show them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from ..benchmark.export import exported
from ..benchmark.tables import blanked
from .inline_svg import inline_svg
from .marks import LinkedFigure, numbers_of

COPIED = {"LaTeX": "latex", "CSV": "csv"}
"""The formats in which the page offers each table, by the names that its buttons have."""


class ShownTable(NamedTuple):
    """A table of the page.

    Args:
        name: its title.
        headings: the headings, each with the sentence that explains it, or an empty text.
        rows: the cells of every row.
        copies: the whole table by the name of each format in which it can be copied.
    """

    name: str
    headings: list[tuple[str, str]]
    rows: list[list[Any]]
    copies: dict[str, str]


class ShownFigure(NamedTuple):
    """A figure of the page.

    Args:
        id: a word, unique in the page.
        name: the heading above it.
        svg: the figure, with the role, the name and the description that screen readers say.
        said: the line within the figure that says what it shows, or an empty text.
        numbers: the table of what its marks show; None if it has none.
    """

    id: str
    name: str
    svg: Markup
    said: str
    numbers: ShownTable | None


def shown_table(
    name: str, table: pd.DataFrame, explain: Callable[[str], str] = lambda heading: ""
) -> ShownTable:
    """Returns a table as the page shows it.

    Args:
        name: its title.
        table: the table.
        explain: a function that returns the sentence that explains a heading.
    """
    headings = [(str(heading), explain(heading)) for heading in table]
    copies = {name: exported(table, kind).decode() for name, kind in COPIED.items()}
    return ShownTable(name, headings, table.to_numpy().tolist(), copies)


def shown_figure(name: str, title: str, figure: Figure) -> ShownFigure:
    """Returns a figure as the page shows it.

    Args:
        name: a word, unique in the page.
        title: the heading above it.
        figure: the figure.
    """
    marks = figure.marks.values() if isinstance(figure, LinkedFigure) else ()
    numbers = shown_table(f"{title}: numbers", blanked(numbers_of(marks))) if marks else None
    id_ = f"figure-{name}"
    role = "group" if marks else "img"
    described = Markup('<svg role="{}" aria-labelledby="{}-title" aria-describedby="{}-described"')
    svg = inline_svg(figure, name).replace("<svg", described.format(role, id_, id_), 1)
    return ShownFigure(id_, title, svg, figure.get_suptitle(), numbers)
