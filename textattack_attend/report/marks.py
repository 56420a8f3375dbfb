"""The marks of a figure that stand for examples: each is a link to them in the page.

A bar, a point or a cell of a figure names the examples that it counts by the filter that finds
them: the fields of the address that the page's script reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.collections import Collection

from ..display.figure import PlainFigure


@dataclass(frozen=True)
class Mark:
    """A mark of a figure.

    Args:
        examples: the filter that finds its examples: victim, attack, outcome, layer or head.
        numbers: what the mark shows, as it is read, by name.
    """

    examples: dict[str, Any]
    numbers: dict[str, str]

    @property
    def address(self) -> str:
        """The address of its examples within the page."""
        return f"#{urlencode({**self.examples, 'at': 'examples'})}"

    @property
    def name(self) -> str:
        """What a screen reader says of the mark."""
        said = {**self.examples, **self.numbers}
        return ", ".join(f"{name} {value}" for name, value in said.items())


def address_of(row: Mapping[str, Any]) -> str:
    """Returns the address of one example within the page.

    Args:
        row: a row of the results.
    """
    names = ("position", "seed", "checkpoint", "attack", "victim")
    return (
        f"#{urlencode({'example': '/'.join(str(row[name]) for name in names), 'at': 'examples'})}"
    )


class LinkedFigure(PlainFigure):
    """A figure whose marks are links in the page, and in no file that is saved by itself.

    Attributes:
        marks: the marks by their addresses.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.marks: dict[str, Mark] = {}
        self._linked: list[tuple[Artist, list[str]]] = []

    def link(self, artist: Artist, marks: Sequence[Mark]) -> None:
        """Says which examples an artist stands for.

        Args:
            artist: one artist for one mark, or a collection with a part for each mark.
            marks: the marks.
        """
        addresses = [mark.address for mark in marks]
        self._linked.append((artist, addresses))
        self.marks.update(zip(addresses, marks, strict=True))

    def unlink(self) -> None:
        """Forgets the marks, for a page that does not have their examples."""
        self.marks.clear()
        self._linked.clear()

    def set_links(self) -> None:
        """Makes the marks links, which an SVG has from now on."""
        for artist, addresses in self._linked:
            if isinstance(artist, Collection):
                artist.set_urls(addresses)
            else:
                artist.set_url(*addresses)


def numbers_of(marks: Iterable[Mark]) -> pd.DataFrame:
    """Returns a table with a row for every mark: its examples, and what it shows."""
    return pd.DataFrame([{**mark.examples, **mark.numbers} for mark in marks])
