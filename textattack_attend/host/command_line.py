"""The arguments of ``textattack attack``, whose mistakes get one line each."""

from __future__ import annotations

from argparse import Action, ArgumentError, ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any, NoReturn

from textattack.commands.attack_command import AttackCommand

from ..errors import did_you_mean, quoted
from ..errors.printable import in_one_line

PROGRAM = "textattack-attend"
COMMAND = "attack"


def attack_arguments(arguments: Sequence[str]) -> Namespace:
    """Reads the arguments, or ends the program with the exit code 2 and a line.

    Args:
        arguments: the arguments behind the name of the command.
    """
    parser = _Parser(PROGRAM)
    AttackCommand.register_subcommand(parser.add_subparsers())
    args, unknown = parser.parse_known_args([COMMAND, *arguments])
    if unknown:
        known = [f"--{name.replace('_', '-')}" for name in vars(args)]
        parser.error(f"there is no option {quoted(unknown[0])}{did_you_mean(unknown[0], known)}")
    del args.func  # it is the command, and no option of an attack
    return args


class _Parser(ArgumentParser):
    """A parser that writes no usage before an error, as that fills a page."""

    def error(self, message: str) -> NoReturn:
        advice = "" if "did you mean" in message else f"; {PROGRAM} {COMMAND} --help says more"
        self.exit(2, in_one_line(f"Error: {message}{advice}") + "\n")

    def _check_value(self, action: Action, value: Any) -> None:
        """Refuses a name that is no choice, and suggests the nearest one."""
        choices = [str(choice) for choice in action.choices or []]
        if choices and value not in choices:
            close = did_you_mean(str(value), choices) or f"; expected one of {', '.join(choices)}"
            raise ArgumentError(action, f"there is no {quoted(str(value))}{close}")
