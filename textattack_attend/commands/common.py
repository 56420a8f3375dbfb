"""The commands by name, and the options, the loading and the progress bar that they share."""

from __future__ import annotations

import gc
import logging
import os
import shlex
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import InvalidInputError
from ..errors.printable import in_one_line
from ..registry import Registry

if TYPE_CHECKING:
    from ..analysis.example import Example
    from ..models.wrappers import AttentionModelWrapper

T = TypeVar("T")
GIVEN = f"{__name__}.given"
"""The key of the command line in what click keeps of a call."""
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


def keep_given(context: click.Context, words: list[str]) -> None:
    """Keeps the words of a command line, for what is to be known of its results later."""
    context.meta[GIVEN] = shlex.join(words)


def given() -> str | None:
    """Returns the command line that runs now; None if the command was called in another way."""
    found: str | None = click.get_current_context().meta.get(GIVEN)
    return found


def measured(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that every measurement takes to a command."""
    for option in (
        click.option(
            "--threads",
            default=1,
            show_default=True,
            type=click.IntRange(min=1),
            help="CPU threads.",
        ),
        click.option(
            "--num-examples",
            default=200,
            show_default=True,
            type=click.IntRange(min=1),
            help="First N examples.",
        ),
        click.option(
            "--data",
            required=True,
            help="sentence<TAB>label lines, or a data file as PATH^NAME or PATH^COLUMN,...,LABEL.",
        ),
        trust_option,
        click.option("--model", required=True, help="Hub name or folder of the victim."),
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


def last(progress: Iterator[T], total: int, name: str) -> T:
    """Runs a measurement to its end, and returns its last item; a terminal shows a progress bar."""
    return deque(watched(progress, total, name), maxlen=1).pop()


def watched(progress: Iterator[T], total: int, name: str) -> Iterator[T]:
    """Yields the items of a measurement, while a terminal shows a progress bar."""
    import tqdm

    bar: Iterator[T] = tqdm.tqdm(
        progress, total=total, desc=in_one_line(name), leave=False, disable=None
    )
    return bar
