"""Writes the table of docs/families.md from tiny models of the families."""

from __future__ import annotations

import math
import re
from pathlib import Path

import click

PAGE = Path(__file__).parents[2] / "docs" / "families.md"
HEADINGS = ("model type", "use", "transformers", "backends", "attackable", "evaluated by", "error")
TABLE = re.compile(rf"^\| {HEADINGS[0]} \|.*\n(?:\|.*\n)*", re.MULTILINE)
EVERY = "4.57, 5"
"""The versions that a record without a first version of its own was compared under."""


@click.command("families-page")
@click.argument("page", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=PAGE)
def families_page(page: Path) -> None:
    """Write the table of docs/families.md from tiny models.

    PAGE is another page with such a table. It needs a transformers that has every family.
    """
    from textattack_attend.files import write_whole

    text = page.read_text(encoding="utf-8")
    write_whole(page, TABLE.sub(lambda _: table(), text, count=1).encode())


def table() -> str:
    """Returns the table of the families in Markdown.

    Raises:
        UnsupportedModelError: the installed transformers lacks a family.
    """
    from textattack_attend.attention import FAMILIES
    from textattack_attend.versions import require_transformers

    require_transformers(max(family.since for family in FAMILIES.values()), "families-page")
    order = sorted(FAMILIES, key=lambda name: (FAMILIES[name].kind, name))
    rule = ("---",) * len(HEADINGS)
    return "".join(map(_line, (HEADINGS, rule, *map(_cells, order))))


def _cells(name: str) -> tuple[str, ...]:
    from textattack_attend.attention import FAMILIES

    from ..tiny_families.measured import measured, uses

    found = measured(name)
    return (
        f"`{name}`",
        uses(FAMILIES[name]),
        FAMILIES[name].since or EVERY,
        ", ".join(found.backends),
        found.attackable,
        found.evaluated_by,
        f"{10 ** math.ceil(math.log10(found.error)):.0e}",
    )


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |\n"
