"""The command ``textattack-attend results``, and the options of all commands that read stores."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from .benchmark import DEFAULT_STORE
from .choices import LazyChoice
from .common import command
from .terminal import echo, echo_document

if TYPE_CHECKING:
    from ..benchmark import Results, Store

FORMATS = ("markdown", "latex", "csv", "raw-csv", "json", "parquet")
ENDINGS = {".tex": "latex", **{f".{kind}": kind for kind in FORMATS}}
STORES = click.option(
    "--store",
    "stores",
    default=(DEFAULT_STORE,),
    show_default=True,
    multiple=True,
    type=click.Path(dir_okay=False),
    help="File that `benchmark` wrote; can be given again, as for seeds of several machines.",
)
RUNS = click.option(
    "--run",
    "runs",
    multiple=True,
    metavar="ID",
    help="Run of the store, by the beginning of its id; can be given again. [the one begun last]",
)


def _tables() -> Iterable[str]:
    from ..benchmark.metrics import METRICS

    return ("comparison", *METRICS, "summary", "rows", "runs")


@command()
@STORES
@RUNS
@click.option(
    "--table",
    type=LazyChoice(_tables),
    default="comparison",
    show_default=True,
    help="All metrics to read; one metric, of victims by attacks; all numbers, with intervals; "
    "every attacked example; or the runs themselves.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    help="csv puts an apostrophe before a text that a spreadsheet would compute, because it begins "
    "with =, +, - or @; raw-csv has every text as it is.  [by the ending of --output, or markdown]",
)
@click.option("--output", type=click.Path(dir_okay=False), help="File, instead of the terminal.")
def results(
    stores: tuple[str, ...],
    runs: tuple[str, ...],
    table: str,
    kind: str | None,
    output: str | None,
) -> None:
    """Print or export the results in stores of a run, finished or not, or of several runs."""
    from ..benchmark.export import exported, runs_of, table_of

    kind = kind or ENDINGS.get(os.path.splitext(output or "")[1], "markdown")
    found = opened(stores, runs)
    shown = runs_of(found) if table == "runs" else table_of(table, results_of(found, runs))
    content = exported(shown, kind)
    if output:
        from ..files import write_whole

        write_whole(output, content)
    elif kind == "parquet":
        raise click.UsageError("parquet is no text: expected --output FILE")
    else:
        echo_document(content.decode().rstrip("\n"))


def opened(stores: tuple[str, ...], runs: tuple[str, ...]) -> list[Store]:
    """Opens stores to read them; if runs are named, there must be only one store."""
    from ..benchmark import Store

    if runs and len(stores) > 1:
        raise click.UsageError(f"--run names a run of one store: got {len(stores)} stores")
    return [Store(store, new=False) for store in stores]


def results_of(stores: Sequence[Store], runs: Sequence[str]) -> Results:
    """Returns the results of runs in stores, and says so if runs are not finished."""
    from ..benchmark import Results

    together = Results.together([Results.of(store, runs) for store in stores])
    attacked, expected = len(together.rows), together.expected
    if attacked < expected:
        echo(
            f"note: {attacked} of {expected} examples are attacked so far; `benchmark` goes on",
            err=True,
        )
    return together
