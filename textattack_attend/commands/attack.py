"""The command ``textattack-attend attack``, which is TextAttack's own and needs no plugin."""

from __future__ import annotations

from collections.abc import Sequence

import click

from .common import command
from .terminal import echo


@command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def attack(context: click.Context, arguments: Sequence[str]) -> None:
    """Run an attack, with the options of `textattack attack`."""
    try:
        _run(arguments)
    except SystemExit as end:  # the group would take it for the end of a user's code
        if isinstance(end.code, str):
            echo(end.code, err=True)
        context.exit(end.code if isinstance(end.code, int) else bool(end.code))


def _run(arguments: Sequence[str]) -> None:
    from textattack.commands.attack_command import AttackCommand

    from ..host import register
    from ..host.command_line import attack_arguments

    register.register()
    AttackCommand().run(attack_arguments(arguments))
