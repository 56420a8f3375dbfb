"""The command ``python -m tools in-turn``."""

from __future__ import annotations

from pathlib import Path

import click

from textattack_attend.commands.common import watched
from textattack_attend.commands.terminal import echo
from textattack_attend.errors import InvalidInputError

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
RECIPES = {"hackattend": "HackAttendLiong2024", "hackattend-plus": "HackAttendPlus"}


@click.command("in-turn")
@click.argument("other", type=FOLDER)
@click.option("--victim", default="smollm2-hf", show_default=True, help="A victim of `numbers`.")
@click.option(
    "--attack",
    default="hackattend",
    show_default=True,
    type=click.Choice(list(RECIPES)),
    help="The attack.",
)
@click.option("--models", required=True, type=FOLDER, help="The folder of the checkpoints.")
@click.option("--shared", required=True, type=FOLDER, help="The folder with data/ and victims/.")
@click.option("--first", default=0, show_default=True, help="The position of the first example.")
@click.option(
    "--num-examples",
    default=3,
    show_default=True,
    type=click.IntRange(min=1),
    help="The number of examples.",
)
def in_turn(
    other: Path,
    victim: str,
    attack: str,
    models: Path,
    shared: Path,
    first: int,
    num_examples: int,
) -> None:
    """Time an attack with this commit and with another.

    OTHER is the working tree of the other commit, as `git worktree add` makes one. Each example is
    attacked with both, one after the other. Each runs on one thread in a process of its own;
    seconds are the processor's. Where OTHER has no plugin of its own, NLTK_DATA must say where
    NLTK's data are.
    """
    from textattack_attend.commands.common import examples_of
    from textattack_attend.datasets import dataset_named

    from ..in_turn import in_turn as both_ways
    from ..speed_victims import SPEED_VICTIMS, checkpoints_of

    record = SPEED_VICTIMS[victim]
    data = dataset_named(f"{shared / record.data}", start=first, count=num_examples)
    examples = examples_of(data, num_examples)
    found = checkpoints_of(record, [models, shared / "victims"])
    if not found:
        raise InvalidInputError(f"{models}: expected a folder with {victim} in it")
    steps = both_ways(other, found[0], record, RECIPES[attack], examples)
    echo(f"{'outcome':26}{'queries':>8}{'other, s':>10}{'here, s':>10}{'ratio':>7}  decisions")
    here = there = 0.0
    for one in watched(steps, len(examples), attack):
        here, there = here + one.seconds, there + one.other_seconds
        differs = "differ" if one.differs else "equal"
        echo(
            f"{one.outcome:26}{one.queries:>8}{one.other_seconds:>10.2f}{one.seconds:>10.2f}"
            f"{one.other_seconds / one.seconds:>7.2f}  {differs}"
        )
    echo(f"{'together':34}{there:>10.2f}{here:>10.2f}{there / here:>7.2f}")
