"""The registry of the report's figures, and their common parts.

Each figure is a file of this package that registers itself, and a matplotlib `Figure`:
``figure.savefig("layers.svg")``, or .png, .pdf. They are drawn for any background: all lines and
letters have one colour, and maps fade to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ...benchmark import Results
from ...errors import InvalidInputError
from ...registry import Registry
from ...structures import Structure, decode
from ..panels import Pair

Draw = Callable[[Results], Figure]


class Masked(NamedTuple):
    """What successes mask in each matrix.

    Args:
        successes: the number of successes that mask units of a matrix, (layers, heads).
        units: the number of units that they mask in it, (layers, heads).
    """

    successes: npt.NDArray[np.int64]
    units: npt.NDArray[np.int64]


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


@lru_cache(maxsize=1)  # several figures of a page show them
def by_matrix(results: Results) -> dict[Pair, Masked]:
    """Counts the masked units of every attack on a victim, summed over its successes.

    Raises:
        NothingToPlotError: there are none.
    """
    successes = results.rows[results.rows["masked"].notna()]
    if successes.empty:
        raise NothingToPlotError("a success of an attack on attention")
    return {
        pair: _counted([decode(masked) for masked in rows["masked"]])
        for pair, rows in successes.groupby(["victim", "attack"], sort=False)
    }


def _counted(structures: list[Structure]) -> Masked:
    # The models of a victim may be of different sizes.
    largest = np.max([structure.shape.size[:2] for structure in structures], axis=0)
    counted = Masked(np.zeros(largest, np.int64), np.zeros(largest, np.int64))
    for structure in structures:
        for matrix in structure.matrices:
            counted.successes[matrix] += 1
            counted.units[matrix] += len(structure.cells(*matrix))
    return counted
