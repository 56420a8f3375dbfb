"""The commands by name, and the options, the loading and the progress bar that they share."""

from __future__ import annotations

import gc
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import InvalidInputError
from ..process.progress import say, watched
from ..registry import Registry

if TYPE_CHECKING:
    from ..analysis.example import Example
    from ..models.wrappers import AttentionModelWrapper

__all__ = ["COMMANDS", "command", "last", "measured", "prepare", "resumable", "watched"]
T = TypeVar("T")
COMMANDS: Registry[click.Command] = Registry("command", __package__)


trust_option = click.option(
    "--trust-remote-code",
    is_flag=True,
    help="Run the Python code that the checkpoint brings along, which you have read.",
)


def command(
    name: str | None = None, **attributes: Any
) -> Callable[[Callable[..., None]], click.Command]:
    """Makes a function a command of ``textattack-attend``, as `click.command` does.

    Args:
        name: the name of the command; by default that of the function.
        attributes: the other arguments of `click.command`.
    """

    def registered(function: Callable[..., None]) -> click.Command:
        make: Callable[..., click.Command] = click.command(name, **attributes)
        made = make(function)
        return COMMANDS.register(str(made.name), made)

    return registered


def measured(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that every measurement takes to a command."""
    for option in (
        click.option(
            "--threads",
            default=1,
            show_default=True,
            type=click.IntRange(min=1),
            help="The number of CPU threads.",
        ),
        click.option(
            "--num-examples",
            default=200,
            show_default=True,
            type=click.IntRange(min=1),
            help="The number of examples, from the first on.",
        ),
        click.option(
            "--data",
            required=True,
            help="sentence<TAB>label lines, or a data file as PATH^NAME or PATH^COLUMN,...,LABEL.",
        ),
        trust_option,
        click.option(
            "--model", required=True, help="The folder of the victim, or its name on the hub."
        ),
    ):
        command = option(command)
    return command


def prepare(
    model: str,
    data: str,
    num_examples: int,
    threads: int,
    trust_remote_code: bool,
) -> tuple[AttentionModelWrapper, list[Example]]:
    """Loads the victim behind its wrapper, and the first examples of a file."""
    path, _, name = data.partition("^")
    if not os.path.isfile(path):  # said before seconds of imports
        raise InvalidInputError(f"{path}: expected a data file, got none")
    import torch

    from ..datasets import from_name
    from ..models.wrappers import wrapper_for

    logging.getLogger("textattack").setLevel(logging.WARNING)  # it says that models are compatible
    dataset = from_name(path, name or "sst2", count=num_examples)
    gc.freeze()  # what was imported stays: no need to look for garbage in it during a measurement
    torch.set_num_threads(threads)
    say(f"loading {model}")
    wrapper = wrapper_for(model, trust_remote_code)
    wrapper.model.to("cuda" if torch.cuda.is_available() else "cpu")
    alone = len(dataset.input_columns) == 1
    examples = [
        (next(iter(columns.values())) if alone else columns, label) for columns, label in dataset
    ]
    return wrapper, examples


def require_attacked(attacked: int, examples: int) -> None:
    """Refuses to judge attacks that attacked no example.

    Raises:
        InvalidInputError: no example was attacked.
    """
    if not attacked:
        raise InvalidInputError(
            f"expected examples that the victim has right, got none of {examples}: do the file's "
            "labels count the classes as the model does, and was it trained for them?"
        )


@contextmanager
def resumable(command: str = "the same command") -> Iterator[None]:
    """Makes an interrupt inside the context say how to go on.

    Args:
        command: words that name the command with which to go on.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise click.ClickException(f"interrupted; {command} goes on from here") from None


def last(progress: Iterable[T], total: int, name: str) -> T:
    """Runs a measurement to its end while it is shown, and returns its last item."""
    return deque(watched(progress, total, name), maxlen=1).pop()
