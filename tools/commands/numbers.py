"""The command ``python -m tools numbers``."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterable
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textattack_attend.commands.common import last, require_attacked, watched
from textattack_attend.commands.terminal import echo
from textattack_attend.errors import require_one_of

if TYPE_CHECKING:
    from ..speed import Comparison
    from ..speed_victims import SpeedVictim

COLUMNS = {
    "victim": -13,
    "weights": -8,
    "attack": -16,
    "attacked": 8,
    "seconds": 9,
    "sequential": 11,
    "ratio": 6,
    "different": 10,
    "floor": 8,
}
"""The width of each column before the shares; a column of negative width is on the left."""
SHARE = 13
CLOCKED = 10
"""The most examples of a victim that are attacked once more, to see where the time goes."""
LENGTHS = (16, 32, 64, 128, 256, 512)
LONG = {"lengths of an encoder": "bert", "lengths of a decoder": "llama"}
"""The family of each table of lengths."""
LAYERS, HEADS = 6, 6
"""The size of the models of these tables; a head is 64 wide."""
MEMORY = ("bert", "mpnet", "gpt2", "llama")
"""The families whose memory is measured."""


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--models",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of the larger checkpoints; a victim without one gets random weights.",
)
@click.option(
    "--shared",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder with data/ and victims/.",
)
@click.option(
    "--num-examples",
    type=click.IntRange(min=1),
    help="The number of examples of every victim.  [default: its own]",
)
@click.option(
    "--threads",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="The number of CPU threads.",
)
def numbers(
    names: tuple[str, ...],
    models: Path | None,
    shared: Path,
    num_examples: int | None,
    threads: int,
) -> None:
    """Measure the numbers of the docs' page.

    A NAME is a victim, "lengths" or "memory"; without one everything is measured. Seconds are
    those for an attacked example. HackAttend is compared with a plain sequential run and with the
    floor; the last columns say where the time goes when one example is attacked at a time.
    """
    import torch
    from textattack.shared.utils import logger

    from ..speed_victims import SPEED_VICTIMS

    known = [*SPEED_VICTIMS, "lengths", "memory"]
    for name in names:
        require_one_of("name", name, known)
    torch.set_num_threads(threads)
    logger.setLevel(logging.WARNING)  # it says that models are compatible
    wanted = names or known
    folders = [folder for folder in (models, shared / "victims") if folder]
    victims = [SPEED_VICTIMS[name] for name in wanted if name in SPEED_VICTIMS]
    if victims:
        _print_speeds(victims, folders, shared, num_examples)
    if "lengths" in wanted:
        _print_lengths(shared)
    if "memory" in wanted:
        _print_memory(threads)


def _print_speeds(
    victims: Iterable[SpeedVictim], folders: list[Path], shared: Path, count: int | None
) -> None:
    from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus

    from ..phases import PHASES, phases_of
    from ..speed import AT_A_TIME, compare
    from ..speed_victims import load

    _print_row(COLUMNS, PHASES)
    for victim in victims:
        name, loaded = victim.checkpoint, load(victim, folders, shared, count or victim.examples)
        wrapper, examples = loaded.wrapper, loaded.examples
        both = last(compare(wrapper, examples), ceil(len(examples) / AT_A_TIME), name)
        require_attacked(both.attacked, len(examples))
        few = examples[:CLOCKED]
        found = phases_of(HackAttendLiong2024.build(wrapper), few)
        shares = [f"{found.share(phase):.0%}" for phase in PHASES]
        _print_row([name, loaded.weights, "hackattend", *_compared(both, len(examples))], shares)
        found = phases_of(HackAttendPlus.build(wrapper), few)
        shares = [f"{found.share(phase):.0%}" for phase in PHASES]
        alone = [f"{found.attacked}/{len(few)}", f"{found.per_attack:.3f}", *"----"]
        _print_row([name, loaded.weights, "hackattend-plus", *alone], shares)


def _compared(both: Comparison, examples: int) -> list[str]:
    return [
        f"{both.attacked}/{examples}",
        f"{both.seconds / both.attacked:.3f}",
        f"{both.sequential_seconds / both.attacked:.3f}",
        f"{both.ratio:.1f}",
        f"{both.differing}",
        f"{both.floor.plain / both.attacked:.3f}",
    ]


def _print_row(values: Iterable[Any], shares: Iterable[str]) -> None:
    cells = [
        f"{value:<{-width}}" if width < 0 else f"{value:>{width}}"
        for value, width in zip(values, COLUMNS.values(), strict=True)
    ]
    echo("".join(cells) + "".join(f"{share:>{SHARE}}" for share in shares))


def _print_lengths(shared: Path) -> None:
    from ..lengths import costs, sentences_of
    from ..random_models import Size

    sentences = sentences_of(shared)
    for title, family in LONG.items():
        size = Size(family, LAYERS, HEADS)
        echo("", f"{title:24}{'queries':>9}{'plain pass, s':>15}{'attack, passes a query':>24}")
        for cost in watched(costs(size, LENGTHS, sentences), len(LENGTHS), title):
            row = f"{cost.tokens:24}{cost.queries:>9}{cost.plain:>15.4f}{cost.passes:>24.2f}"
            echo(row)


def _print_memory(threads: int) -> None:
    """Measures each family in a process of its own, as the peak of a process never falls."""
    for family in MEMORY:
        echo("", f"memory of {family}, 12 x 12, 512 tokens")
        call = [sys.executable, "-m", "tools", "memory", "--family", family]
        done = subprocess.run(
            [*call, "--threads", str(threads)], check=True, stdout=subprocess.PIPE
        )
        echo(*done.stdout.decode().splitlines())
