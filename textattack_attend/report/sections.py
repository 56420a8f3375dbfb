"""Sections that a page has before its tables, as an audit adds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Args:
        title: the heading of the section.
        warnings: lines that are marked as warnings, before all else.
        paragraphs: the paragraphs of the section.
        figure: a figure below the paragraphs; None for no figure.
        tables: the tables below them, by their captions; cells are shown as they are.
    """

    title: str
    warnings: Sequence[str] = ()
    paragraphs: Sequence[str] = ()
    figure: Figure | None = None
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
