"""``textattack-attend report``."""

from __future__ import annotations

import click

from .benchmark import STORE
from .results import RUNS


@click.command()
@STORE
@RUNS
@click.option("--title", default="Robustness report", show_default=True, help="Of the page.")
@click.option("--output", default="report.html", show_default=True, type=click.Path(dir_okay=False))
def report(store: str, runs: tuple[str, ...], title: str, output: str) -> None:
    """Write what a store holds as one HTML page: tables, figures, and every example."""
    from ..benchmark import Results, Store
    from ..files import write_whole
    from ..report import report as page

    write_whole(output, page(Results.of(Store(store, new=False), runs), title).encode())
    click.echo(f"saved in {output}")
