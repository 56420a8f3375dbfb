"""The commands ``textattack-attend benchmark`` and ``validate``."""

from __future__ import annotations

import shlex
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING

import click

from ..errors import AttendError
from ..errors.printable import in_one_line
from .common import command, given, resumable
from .tables import in_terminal, show
from .terminal import advise, echo

if TYPE_CHECKING:
    from ..benchmark import Recipe, Results

DEFAULT_STORE = "benchmark.sqlite"


@command()
@click.argument("recipe", default="quick")
@click.option(
    "--store",
    default=DEFAULT_STORE,
    show_default=True,
    type=click.Path(dir_okay=False),
    help="The file that gets a row for every attacked example.",
)
@click.option(
    "--ray",
    "address",
    metavar="ADDRESS",
    help="Share out the examples over a Ray cluster; `local` starts one on this machine.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="The number of processes with --ray.  [default: one for every GPU, or else every core]",
)
def benchmark(recipe: str, store: str, address: str | None, workers: int | None) -> None:
    """Attack victims as RECIPE says, and print a comparison.

    RECIPE is a file, or the name of one that comes with the package (see `ls recipes`). A run
    attacks only the examples that its store lacks.

    A recipe is trusted as a program is: a Python file that it names as FILE.py^FUNCTION is executed
    with your rights. Read the recipe of a stranger, or `validate` it, before you run it.
    """
    if workers and not address:
        raise click.UsageError("--workers: expected --ray ADDRESS beside it; `local` is an address")
    from ..benchmark import named_recipe, read_recipe

    with resumable():
        show_run(run(read_recipe(named_recipe(recipe)), store, address, workers), store)


def run(
    recipe: Recipe, store: str, address: str | None = None, workers: int | None = None
) -> Results:
    """Runs a recipe to its end, and returns its results."""
    from ..benchmark import Results, Store
    from ..benchmark.running import Benchmark, Cluster

    with (
        closing(Store(store)) as opened,
        Cluster(recipe, address, workers) if address else nullcontext() as cluster,
    ):
        try:
            running = Benchmark(recipe, opened, cluster, command=given())
        except AttendError:
            opened.delete_if_empty()
            raise
        running.run()
        return Results.of(opened, [running.id])


def show_run(results: Results, store: str) -> None:
    """Prints the tables of a run, and ends in a line if examples could not be attacked."""
    from ..benchmark.tables import inline, titled

    named = shlex.quote(store)
    for title, table in titled(results):
        echo(in_one_line(title) if in_terminal() else f"**{inline(title)}**", "")
        show(table, f"textattack-attend results --store {named} --format markdown has all")
        echo("")
    advise(
        f"textattack-attend report --store {named}   # a page with figures and every example",
        f"textattack-attend results --store {named} --table summary   # numbers with intervals",
        f"textattack-attend compare {named} {_second(results)}   # example by example",
    )
    errors = results.rows.loc[results.rows["outcome"] == "error", "error"]
    if len(errors):
        most = ", ".join(f"{error} ({count})" for error, count in errors.value_counts()[:3].items())
        raise click.ClickException(
            f"{len(errors)} examples could not be attacked: {most}; all are in {store}"
        )


def _second(results: Results) -> str:
    """Returns what a run can be compared with: two of its victims, or another store."""
    victims = list(results.rows["victim"].unique())
    return f"--victims {shlex.join(victims[:2])}" if len(victims) > 1 else "OTHER-STORE"


@command()
@click.argument("recipe")
@click.option(
    "--run-code",
    is_flag=True,
    help="Execute the Python files of FILE.py^FUNCTION too, and try their attacks; trust them.",
)
def validate(recipe: str, run_code: bool) -> None:
    """Say what RECIPE would run, or what is wrong with it.

    Models are loaded, and every attack tries an example for a moment. A Python file that RECIPE
    names as FILE.py^FUNCTION is read and not executed: its functions and their options are checked
    as they are written there.
    """
    from ..benchmark import named_recipe, read_recipe
    from ..benchmark.running.validation import validated

    for line in validated(read_recipe(named_recipe(recipe)), run_code):
        echo(line)
