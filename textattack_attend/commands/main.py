"""``textattack-attend``: what TextAttack's own command line does not have, and its attacks.

Each command is in a file of this package, and registers itself. Heavy imports happen inside the
commands, so ``--help`` is instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import click

from .. import __version__
from ..errors import AttendError, did_you_mean, quoted
from ..errors.printable import in_one_line
from ..host.attack_names import attack_names
from ..process.containment import contained
from ..process.interrupts import interruptible
from ..process.progress import announced_imports
from ..process.standard_output import StandardOutputError, whole_output
from ..process.temporary_files import needing_a_place
from .common import COMMANDS, keep_given
from .terminal import show_logs

SECTIONS = {
    "Attack a model": (
        "attack",
        "replay",
        "audit",
        "check",
        "robustness",
        "certify",
        "attention",
    ),
    "Compare models and attacks": (
        "benchmark",
        "transfer",
        "validate",
        "results",
        "report",
        "compare",
    ),
    "Train a model": ("train",),
    "Look things up": ("ls", "identity"),
}
"""The commands in the order in which a user needs them; others stand under a heading of their own.
"""
OTHERS = "Commands"


class _Group(click.Group):
    """Ends errors of ours and of a user's code, and interrupts, with a line and exit code 1.

    The line contains no character that acts on the terminal.

    Attributes:
        sections: the names of commands by their headings, as the help lists them.
    """

    sections: Mapping[str, Sequence[str]] = {}

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
            with needing_a_place(), interruptible(), contained(), announced_imports():
                return super().invoke(context)
        except AttendError as error:
            raise click.ClickException(in_one_line(str(error))) from None
        except KeyboardInterrupt:  # the commands that can go on have said so already
            raise click.ClickException("interrupted; the same command begins anew") from None
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.ClickException as error:
            # Click has no other place in which to change what it is going to print, and would
            # print the usage before an error about it.
            raise _Refusal(in_one_line(_explained(error)), error.exit_code) from None

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command, or ends in a line that suggests what was meant."""
        name = arguments[0]
        if self.get_command(context, name) is None and not name.startswith("-"):
            context.fail(f"there is no command {quoted(name)}{_meant(name, self.commands)}")
        return super().resolve_command(context, arguments)

    def list_commands(self, context: click.Context) -> list[str]:
        """Returns the names of the commands, in the order of their sections."""
        return [name for names in self._sections().values() for name in names]

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands with their first sentences, section by section."""
        for heading, names in self._sections().items():
            with formatter.section(heading):
                sentences = [self.commands[name].get_short_help_str(limit=200) for name in names]
                formatter.write_dl(list(zip(names, sentences, strict=True)))

    def _sections(self) -> dict[str, list[str]]:
        sections = {
            heading: [name for name in names if name in self.commands]
            for heading, names in self.sections.items()
        }
        placed = {name for names in sections.values() for name in names}
        sections[OTHERS] = [name for name in sorted(self.commands) if name not in placed]
        return {heading: names for heading, names in sections.items() if names}


class _Refusal(click.ClickException):
    """An error that is shown as one line.

    Args:
        message: the line.
        exit_code: the exit code of the program.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]


def _explained(error: click.ClickException) -> str:
    """Returns the message of an error, with what to do next if options are wrong."""
    context = getattr(error, "ctx", None)
    if not isinstance(error, click.UsageError) or context is None:
        return error.format_message()
    advice = f"; {context.command_path} --help says more"
    if isinstance(error, click.NoSuchOption):
        close = did_you_mean(error.option_name, error.possibilities or [])
        return f"there is no option {quoted(error.option_name)}{close or advice}"
    said = error.format_message().removesuffix(".")
    return said if "textattack-attend" in said or "did you mean" in said else f"{said}{advice}"


def _meant(name: str, commands: Iterable[str]) -> str:
    """Returns the end of a message about an unknown command, which says what may be meant."""
    if name in attack_names():
        return f"; it is an attack: textattack-attend attack --recipe {name} --model MODEL"
    return did_you_mean(name, commands)


def command_line(
    name: str,
    text: str,
    commands: Sequence[click.Command],
    sections: Mapping[str, Sequence[str]] | None = None,
) -> click.Group:
    """Returns a command line that ends every mistake and every interrupt with one line.

    Args:
        name: the name of the command line in usage lines.
        text: the help of the command line.
        commands: the commands of the command line.
        sections: the names of commands by their headings, in the order of the help; all others come
            last.
    """
    both = {"help_option_names": ["-h", "--help"]}

    @click.group(name, cls=_Group, commands=commands, help=text, context_settings=both)
    @click.version_option(__version__, prog_name=name)
    def group() -> None:
        show_logs()

    group.sections = sections or {}
    return group


main = command_line(
    "textattack-attend",
    "Attack the self-attention of transformers, compare attacks and models, and train defenses.",
    tuple(COMMANDS.values()),
    SECTIONS,
)
