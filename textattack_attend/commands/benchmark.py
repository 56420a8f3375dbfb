"""``textattack-attend benchmark``."""

from __future__ import annotations

import click


@click.command()
@click.argument("recipe", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--store",
    default="benchmark.sqlite",
    show_default=True,
    type=click.Path(dir_okay=False),
    help="File for a row of every attacked example; a run goes on with what it holds.",
)
def benchmark(recipe: str, store: str) -> None:
    """Attack victims as a recipe file says; print the comparison as Markdown."""
    from ..benchmark import Benchmark, Store, comparison, read_recipe, victims

    running = Benchmark(read_recipe(recipe), Store(store))
    running.run(announce=lambda line: click.echo(line, err=True))
    for table in (victims(running), comparison(running)):
        if len(table):
            click.echo(table.to_markdown(index=False, disable_numparse=True) + "\n")
    errors = int(comparison(running)["errors"].sum())
    if errors:
        raise click.ClickException(f"{errors} examples could not be attacked; see {store}")
