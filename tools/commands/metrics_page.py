"""Writes the table of docs/metrics.md from the records of the metrics."""

from __future__ import annotations

import re
from pathlib import Path

import click

from textattack_attend.benchmark.metrics import METRICS, Metric
from textattack_attend.files import write_whole

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
HEADINGS = ("metric", "sum", "over the number of", "unit", "attacks", "what it says")
TABLE = re.compile(rf"^\| {HEADINGS[0]} \|.*\n(?:\|.*\n)*", re.MULTILINE)


@click.command("metrics-page")
@click.argument("page", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=PAGE)
def metrics_page(page: Path) -> None:
    """Write the table of docs/metrics.md from the metrics' records.

    PAGE is another page with such a table.
    """
    text = page.read_text(encoding="utf-8")
    write_whole(page, TABLE.sub(lambda _: table(), text, count=1).encode())


def table() -> str:
    """Returns the table of the metrics in Markdown."""
    rule = ("---",) * len(HEADINGS)
    return "".join(map(_line, (HEADINGS, rule, *map(_cells, METRICS.values()))))


def _cells(metric: Metric) -> tuple[str, ...]:
    return (
        f"`{metric.name}`",
        metric.summed,
        metric.denominator,
        metric.unit,
        metric.attacks,
        metric.help,
    )


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |\n"
