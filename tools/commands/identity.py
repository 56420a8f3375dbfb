"""The command ``python -m tools identity``."""

from __future__ import annotations

import click

from textattack_attend.commands.common import trust_option
from textattack_attend.commands.terminal import echo


@click.command()
@click.option("--model", help="Hub name or folder of the victim. [a random BERT-base]")
@click.option(
    "--threads",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="CPU threads of PyTorch; weights are hashed in four of their own.",
)
@trust_option
def identity(model: str | None, threads: int, trust_remote_code: bool) -> None:
    """Print the identity of a victim, and the time that it takes."""
    import torch

    torch.set_num_threads(threads)
    from ..identity import measure

    measured = measure(model, trust_remote_code)
    lines = {
        "identity": measured.identity.name,
        **measured.identity.parts,
        **{name: str(value) for name, value in measured.identity.settings.items()},
        "bytes of weights": f"{measured.weight_bytes:,}",
        "seconds": f"{measured.seconds:.3f}",
        "seconds, asked again": f"{measured.seconds_again:.3f}",
    }
    for name, value in lines.items():
        echo(f"{name:22}{value}")
