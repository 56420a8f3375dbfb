"""The command ``python -m tools overhead``."""

from __future__ import annotations

import click

from textattack_attend.commands.terminal import echo


@click.command()
@click.argument("recipe", default="quick")
@click.option(
    "--rounds",
    default=3,
    show_default=True,
    type=click.IntRange(min=1),
    help="The number of times that both are timed.",
)
def overhead(recipe: str, rounds: int) -> None:
    """Time the benchmark against TextAttack's runner alone.

    Both run in turn, for each attack of RECIPE.
    """
    from textattack_attend.benchmark import named_recipe, read_recipe

    from ..overhead import overheads

    echo(f"{'attack':24} {'bare':>9} {'benchmark':>9}  ratio")
    for found in overheads(read_recipe(named_recipe(recipe)), rounds):
        ratio = found.benchmark / found.bare
        echo(f"{found.attack:24} {found.bare:8.2f}s {found.benchmark:8.2f}s {ratio:6.3f}")
