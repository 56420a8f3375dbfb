"""``textattack-attend memory``."""

from __future__ import annotations

import click

from .terminal import echo

COUNT = click.IntRange(min=1)
TOKENS = click.IntRange(min=8)


@click.command()
@click.option("--tokens", default=512, show_default=True, type=TOKENS, help="Length of the text.")
@click.option("--layers", default=12, show_default=True, type=COUNT, help="Layers of the model.")
@click.option(
    "--heads", default=12, show_default=True, type=COUNT, help="Heads of a layer, 64 wide each."
)
@click.option("--threads", default=1, show_default=True, type=COUNT, help="CPU threads.")
def memory(tokens: int, layers: int, heads: int, threads: int) -> None:
    """Attack one long text on a random BERT of that size and print the peak memory."""
    import torch

    from ..measurements.memory import measure

    torch.set_num_threads(threads)
    measured = measure(tokens, layers, heads)
    echo(f"model and libraries         {measured.model / 2**20:8.0f} MiB")
    echo(f"structures, at most         {measured.engine / 2**20:8.0f} MiB more")
    echo(f"with the gradient, at most  {measured.gradient / 2**20:8.0f} MiB more")
