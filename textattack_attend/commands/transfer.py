"""The command ``textattack-attend transfer``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..errors import InvalidInputError
from .benchmark import run, show_run
from .common import command, resumable, trust_option


@command()
@click.argument("source")
@click.argument("victims", metavar="VICTIM...", nargs=-1, required=True)
@click.option(
    "--recipe",
    "attacks",
    multiple=True,
    default=("hackattend-plus",),
    show_default=True,
    help="The attack, as --recipe of `attack` takes it; can be given again.",
)
@click.option(
    "--data",
    required=True,
    metavar="PATH^NAME",
    help="The examples: PATH^NAME, PATH^COLUMN,...,LABEL, attend-demo, or a name in TextAttack.",
)
@click.option(
    "--num-examples",
    type=click.IntRange(min=1),
    help="The number of examples, from the first on.  [default: all]",
)
@click.option(
    "--on",
    type=click.Choice(("all", "successes")),
    default="all",
    show_default=True,
    help="The examples that count: all, as the paper counts, or the successes on SOURCE.",
)
@click.option(
    "--store",
    default="transfer.sqlite",
    show_default=True,
    type=click.Path(dir_okay=False),
    help="The file that gets a row for every example; the same command goes on with it.",
)
@trust_option
def transfer(
    source: str,
    victims: tuple[str, ...],
    attacks: tuple[str, ...],
    data: str,
    num_examples: int | None,
    on: str,
    store: str,
    trust_remote_code: bool,
) -> None:
    """Attack SOURCE once, and score every VICTIM on what was found.

    SOURCE and each VICTIM are checkpoints: folders, names on the hub, or attend-demo. Texts that an
    attack on words found are read by every victim; masked units are masked in victims of the same
    number of layers and heads. The paper's Table 7 is measured so. Give another seed of the
    undefended model as a VICTIM, too: much of what a defense seems to gain it gains as well.
    """
    from ..benchmark import Recipe

    named = _labels([source, *victims])
    searched = {"source": next(iter(named)), "on": on}
    fields: dict[str, Any] = {
        "data": data,
        "victims": named,
        "attacks": {name: {"recipe": name, **searched} for name in attacks},
        "examples": num_examples,
        "trust_remote_code": trust_remote_code,
    }
    recipe = Recipe(**fields)
    with resumable():
        show_run(run(recipe, store), store)


def _labels(checkpoints: Sequence[str]) -> dict[str, str]:
    """Names checkpoints by their folders, or by their whole paths where folders are named alike."""
    twice = [one for one in checkpoints if checkpoints.count(one) > 1]
    if twice:
        raise InvalidInputError(f"victims: expected different checkpoints, got {twice[0]!r} twice")
    short = [Path(checkpoint).name for checkpoint in checkpoints]
    labels = short if len(set(short)) == len(short) else checkpoints
    return dict(zip(labels, checkpoints, strict=True))
