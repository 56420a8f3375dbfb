"""The registry of the report's figures, and their common parts.

Each figure is a file of this package that registers itself, and a matplotlib `Figure`:
``figure.savefig("layers.svg")``, or .png, .pdf. They are drawn for any background: all lines and
letters have one colour, and maps fade to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ...benchmark import Results
from ...errors import InvalidInputError
from ...registry import Registry
from ...structures import decode
from ..panels import Pair

Draw = Callable[[Results], Figure]


@dataclass(frozen=True)
class ReportFigure:
    """A figure of the report.

    Args:
        title: the heading above the figure.
        draw: a function that draws the figure from results; it raises `NothingToPlotError` if they
            lack the data that the figure shows, and the page then says so.
    """

    title: str
    draw: Draw


FIGURES: Registry[ReportFigure] = Registry("figure", __package__)


def figure(name: str, title: str) -> Callable[[Draw], Draw]:
    """Registers a function that draws a figure of the report.

    Args:
        name: the name of the figure.
        title: the heading above the figure.
    """

    def registered(draw: Draw) -> Draw:
        FIGURES.register(name, ReportFigure(title, draw))
        return draw

    return registered


class NothingToPlotError(InvalidInputError):
    """The results lack the data that a figure shows."""

    def __init__(self, expected: str) -> None:
        super().__init__(f"the figure: expected {expected}, got none in these results")


def by_matrix(results: Results, count: Callable[[int], int]) -> dict[Pair, npt.NDArray[np.int64]]:
    """Counts for every victim and attack, (layers, heads), summed over successes.

    Args:
        results: the results of runs.
        count: a function that takes the number of masked units of a matrix and returns its count.

    Raises:
        NothingToPlotError: there are none.
    """
    successes = results.rows[results.rows["masked"].notna()]
    if successes.empty:
        raise NothingToPlotError("a success of an attack on attention")
    found: dict[Pair, npt.NDArray[np.int64]] = {}
    for (victim, attack), rows in successes.groupby(["victim", "attack"], sort=False):
        structures = [decode(masked) for masked in rows["masked"]]
        # The models of a victim may be of different sizes.
        largest = np.max([structure.shape.size[:2] for structure in structures], axis=0)
        counts = found.setdefault((victim, attack), np.zeros(largest, dtype=np.int64))
        for structure in structures:
            for matrix in structure.matrices:
                counts[matrix] += count(len(structure.cells(*matrix)))
    return found
