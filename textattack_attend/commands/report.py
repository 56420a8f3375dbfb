"""The command ``textattack-attend report``."""

from __future__ import annotations

import click

from .common import command
from .results import RUNS, STORES, opened, results_of
from .terminal import echo


@command()
@STORES
@RUNS
@click.option(
    "--title", default="Robustness report", show_default=True, help="The title of the page."
)
@click.option(
    "--output",
    default="report.html",
    show_default=True,
    type=click.Path(dir_okay=False),
    help="The file of the page.",
)
@click.option(
    "--attention",
    is_flag=True,
    help="Load the checkpoint and the data that the store names, to show the attention before and "
    "after an attack. Only for stores that you trust; that of the demo is always shown.",
)
def report(
    stores: tuple[str, ...], runs: tuple[str, ...], title: str, output: str, attention: bool
) -> None:
    """Write results as an HTML page with tables and figures.

    The page also shows every example. It is one file, which needs no network.
    """
    from ..report import write_report

    write_report(results_of(opened(stores, runs), runs), output, title, attention=attention)
    echo(f"saved in {output}; open it in a browser", err=True)  # standard output may be the page
