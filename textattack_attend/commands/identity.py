"""The command ``textattack-attend identity``."""

from __future__ import annotations

import click

from .common import command, trust_option
from .terminal import echo


@command()
@click.option("--model", required=True, help="The folder of the victim, or its name on the hub.")
@trust_option
def identity(model: str, trust_remote_code: bool) -> None:
    """Print the identity of a victim in stores and in files."""
    from ..checkpoints.places import require_possible

    require_possible(model)  # said before seconds of imports
    from ..checkpoints.loading import load
    from ..demo import NAME, VICTIM_PATH
    from ..victims.victim import Victim

    folder = str(VICTIM_PATH) if model == NAME else model
    found = Victim(*load(folder, trust_remote_code)).identity()
    settings = {name: str(value) for name, value in found.settings.items()}
    for name, value in {"identity": found.name, **found.parts, **settings}.items():
        echo(f"{name:22}{value}")
