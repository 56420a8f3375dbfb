"""The command ``python -m tools memory``."""

from __future__ import annotations

import click

from textattack_attend.commands.terminal import echo

COUNT = click.IntRange(min=1)
TOKENS = click.IntRange(min=8, max=46340)


@click.command()
@click.option(
    "--family", default="bert", show_default=True, help="Model type of transformers, as llama."
)
@click.option("--tokens", default=512, show_default=True, type=TOKENS, help="Length of the text.")
@click.option("--layers", default=12, show_default=True, type=COUNT, help="Layers of the model.")
@click.option(
    "--heads", default=12, show_default=True, type=COUNT, help="Heads of a layer, 64 wide each."
)
@click.option(
    "--attack",
    default="hackattend-plus",
    show_default=True,
    type=click.Choice(["hackattend", "hackattend-plus"]),
    help="The attack: HackAttend over one layer, or HackAttend+ over three rounds.",
)
@click.option("--threads", default=1, show_default=True, type=COUNT, help="CPU threads.")
def memory(family: str, tokens: int, layers: int, heads: int, attack: str, threads: int) -> None:
    """Attack one long text, and print the peak memory.

    The model is a random one of the given size.
    """
    import torch

    from ..memory import measure

    torch.set_num_threads(threads)
    measured = measure(family, tokens, layers, heads, attack)
    echo(f"libraries and model               {_mebibytes(measured.model)}")
    echo(f"a plain forward and backward pass {_mebibytes(measured.gradient)} more")
    echo(f"the attack, {measured.queries:4} queries          {_mebibytes(measured.attack)} more")
    echo(f"estimated, beside the model       {_mebibytes(measured.estimate)}")


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:6.0f} MiB"
