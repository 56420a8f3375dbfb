"""The commands ``python -m tools publish`` and ``python -m tools published``."""

from __future__ import annotations

import click

from textattack_attend.commands.terminal import echo


@click.command()
@click.argument("store", type=click.Path(exists=True, dir_okay=False))
@click.argument("name")
@click.option("--run", "runs", multiple=True, metavar="ID", help="The run.  [default: the last]")
def publish(store: str, name: str, runs: tuple[str, ...]) -> None:
    """Write the rows of a run in STORE to results/NAME.parquet."""
    from textattack_attend.benchmark import Results

    from ..published import RESULTS, write

    path = RESULTS / f"{name}.parquet"
    write(Results.of(store, runs), path)
    echo(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


@click.command()
def published() -> None:
    """Make the tables and figures of documents from results/."""
    from textattack_attend.files import write_whole

    from ..result_tables import documents, redraw, remade

    for path in documents():
        before = path.read_text(encoding="utf-8")
        after = remade(before)
        if after != before:
            write_whole(path, after.encode())
        echo(f"{path.name}: {'changed' if after != before else 'as before'}")
        for figure in redraw(path):
            echo(f"{figure.name}: drawn anew")
