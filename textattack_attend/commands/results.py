"""The command ``textattack-attend results``, and the options of all commands that read stores."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from .benchmark import DEFAULT_STORE
from .choices import LazyChoice
from .common import command
from .tables import in_terminal, show
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
    help="The file that `benchmark` wrote; can be given again, as for seeds of several machines.",
)
RUNS = click.option(
    "--run",
    "runs",
    multiple=True,
    metavar="ID",
    help="The run of the store, by the beginning of its id; can be given again.  "
    "[default: the one begun last]",
)


def _tables() -> Iterable[str]:
    from ..benchmark.metrics import METRICS

    return ("comparison", *METRICS, "successes", "summary", "rows", "runs")


@command()
@STORES
@RUNS
@click.option(
    "--table",
    type=LazyChoice(_tables),
    default="comparison",
    show_default=True,
    help="The table: `comparison` has all metrics to read; the name of a metric, victims by "
    "attacks; `successes`, what the first 100 successes took; `summary`, all numbers with "
    "intervals; `rows`, every attacked example; `runs`, the runs.",
)
@click.option(
    "--baseline",
    metavar="VICTIM",
    help="The victim from which numbers with a dagger differ, in `--table clean` or `robust`.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    help="The format. csv puts an apostrophe before a text that a spreadsheet would compute, "
    "because it begins with =, +, - or @; raw-csv has every text as it is.  [default: by the "
    "ending of --output, or markdown]",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False),
    help="The file to write, instead of standard output.",
)
def results(
    stores: tuple[str, ...],
    runs: tuple[str, ...],
    table: str,
    baseline: str | None,
    kind: str | None,
    output: str | None,
) -> None:
    """Print or export the results of `benchmark`.

    A run need not be finished; several stores, or several runs of one store, are put together.
    """
    from ..benchmark.export import exported, runs_of, table_of

    found = opened(stores, runs)
    if table == "runs":
        shown = runs_of(found)
    else:
        shown = table_of(table, results_of(found, runs), baseline)
    if baseline:
        echo(
            f"note: a dagger marks what differs from {baseline}, at 5%, paired by example and by "
            "model, corrected for the number of comparisons (Holm)",
            err=True,
        )
    if not output and not kind and in_terminal():
        show(shown, "--format markdown, or csv, has all")
        return
    kind = kind or ENDINGS.get(os.path.splitext(output or "")[1], "markdown")
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
