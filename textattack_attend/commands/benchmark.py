"""``textattack-attend benchmark`` and ``validate``."""

from __future__ import annotations

import click

STORE = click.option(
    "--store",
    default="benchmark.sqlite",
    show_default=True,
    type=click.Path(dir_okay=False),
    help="File with a row for every attacked example.",
)


@click.command()
@click.argument("recipe", default="quick")
@STORE
def benchmark(recipe: str, store: str) -> None:
    """Attack victims as RECIPE says; print the comparison as Markdown.

    RECIPE is a file, or the name of one that comes with the package (see `ls recipes`). A run goes
    on with what its store holds.
    """
    from ..benchmark import Benchmark, Results, Store, named_recipe, read_recipe
    from ..benchmark.tables import markdown, titled

    opened = Store(store)
    running = Benchmark(read_recipe(named_recipe(recipe)), opened)
    running.run()
    results = Results.of(opened, [running.id])
    for title, table in titled(results):
        click.echo(f"**{title}**\n\n{markdown(table)}\n")
    errors = int((results.rows["outcome"] == "error").sum())
    if errors:
        raise click.ClickException(f"{errors} examples could not be attacked; see {store}")


@click.command()
@click.argument("recipe")
def validate(recipe: str) -> None:
    """Say what RECIPE would run, or what is wrong with it, without running it."""
    from ..benchmark import named_recipe, read_recipe
    from ..benchmark.validation import validated

    for line in validated(read_recipe(named_recipe(recipe))):
        click.echo(line)
