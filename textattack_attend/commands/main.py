"""``textattack-attend``: what TextAttack's own command line does not have, and its attacks.

Each command is in a file of this package, and registers itself. Heavy imports happen inside the
commands, so ``--help`` is instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from .. import __version__
from ..errors import AttendError
from ..errors.printable import in_one_line
from ..process.containment import contained
from ..process.interrupts import interruptible
from ..process.standard_output import StandardOutputError, whole_output
from ..process.temporary_files import needing_a_place
from .common import COMMANDS, keep_given
from .terminal import show_logs


class _Group(click.Group):
    """Ends errors of ours and of a user's code, and interrupts, with a line and exit code 1.

    The line contains no character that acts on the terminal.
    """

    def main(self, *arguments: Any, **options: Any) -> Any:
        try:
            with whole_output():
                return super().main(*arguments, **options)
        except StandardOutputError as error:
            with suppress(OSError):  # standard error may be on the same disk
                click.ClickException(str(error)).show()
            raise SystemExit(1) from None

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        keep_given(context, [str(self.name), *arguments])
        return super().parse_args(context, arguments)

    def invoke(self, context: click.Context) -> Any:
        try:
            with needing_a_place(), interruptible(), contained():
                return super().invoke(context)
        except AttendError as error:
            raise click.ClickException(in_one_line(str(error))) from None
        except KeyboardInterrupt:  # the commands that can go on have said so already
            raise click.ClickException("interrupted; the same command begins anew") from None
        except click.ClickException as error:
            # Click has no other place in which to change what it is going to print.
            error.message = in_one_line(error.message)  # type: ignore[misc]
            raise


def command_line(name: str, text: str, commands: Sequence[click.Command]) -> click.Group:
    """Returns a command line that ends every mistake and every interrupt with one line.

    Args:
        name: the name of the command line in usage lines.
        text: the help of the command line.
        commands: the commands of the command line.
    """

    @click.group(name, cls=_Group, commands=commands, help=text)
    @click.version_option(__version__, prog_name=name)
    def group() -> None:
        show_logs()

    return group


main = command_line(
    "textattack-attend",
    "Measure attacks on the self-attention of transformers, and train victims.",
    tuple(COMMANDS.values()),
)
