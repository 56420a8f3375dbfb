"""A structure as a notebook shows it."""

from __future__ import annotations

from markupsafe import Markup

from ..display.html import block, paragraph, shaded, table
from .describe import summarize
from .structure import Structure

MOST = 24
"""The most layers, and heads, of a table; a larger model's table has those that are masked."""


def html_of(structure: Structure) -> str:
    """Returns a sentence, and a table with the number of masked units of every layer and head."""
    sentence = summarize(structure)
    if not len(structure):
        return block(paragraph(sentence))
    return block(paragraph(sentence), _table(structure), paragraph("rows: layers, columns: heads"))


def _table(structure: Structure) -> Markup:
    layers = _shown(structure.shape.layers, {layer for layer, _ in structure.matrices})
    heads = _shown(structure.shape.heads, {head for _, head in structure.matrices})
    most = max(len(structure.cells(*matrix)) for matrix in structure.matrices)
    rows = [
        [f"L{layer}", *(_cell(len(structure.cells(layer, head)), most) for head in heads)]
        for layer in layers
    ]
    return table(["", *(f"H{head}" for head in heads)], rows, "right")


def _shown(count: int, masked: set[int]) -> list[int]:
    return list(range(count)) if count <= MOST else sorted(masked)


def _cell(units: int, most: int) -> Markup | str:
    return shaded(units, units / most) if units else ""
