"""The commands by name, and the options, the loading and the progress bar that they share."""

from __future__ import annotations

import gc
import logging
import shlex
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import InvalidInputError
from ..process.progress import say, watched
from ..registry import Registry

if TYPE_CHECKING:
    from textattack.datasets import Dataset

    from ..analysis.example import Example
    from ..models.wrappers import AttentionModelWrapper

__all__ = [
    "COMMANDS",
    "command",
    "given",
    "keep_given",
    "last",
    "measured",
    "prepare",
    "resumable",
    "watched",
]
T = TypeVar("T")
GIVEN = f"{__name__}.given"
"""The key of the command line in what click keeps of a call."""
COMMANDS: Registry[click.Command] = Registry("command", __package__)


def _names(context: click.Context, option: click.Parameter, given: str | None) -> tuple[str, ...]:
    """Reads names that commas part."""
    from ..data.class_names import given_names

    return given_names(given.split(",")) if given is not None else ()


label_names_option = click.option(
    "--label-names",
    metavar="NAME,...",
    callback=_names,
    help="The names of the model's classes in its order, as negative,positive.  [default: its own]",
)
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
            help="FILE^FORMAT (sst2, dream, ...), FILE^COLUMN,...,LABEL, or demo.",
        ),
        label_names_option,
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
    label_names: Sequence[str] = (),
) -> tuple[AttentionModelWrapper, list[Example]]:
    """Loads the victim behind its wrapper, and the first examples of the data.

    The labels count the classes as the victim does: where both have names, they are placed by name.
    """
    from ..checkpoints.places import require_possible
    from ..data.data_name import require_source

    require_possible(model)  # said before seconds of imports
    require_source(data)
    import torch
    from textattack.shared.utils import logger

    from ..datasets import dataset_named, for_model
    from ..models.wrappers import class_names_of, wrapper_for

    logger.setLevel(logging.WARNING)  # it says that models are compatible
    whole = dataset_named(data, count=num_examples)
    gc.freeze()  # what was imported stays: no need to look for garbage in it during a measurement
    torch.set_num_threads(threads)
    say(f"loading {model}")
    wrapper = wrapper_for(model, trust_remote_code)
    wrapper.model.to("cuda" if torch.cuda.is_available() else "cpu")
    dataset = for_model(whole, class_names_of(wrapper, label_names))
    return wrapper, examples_of(dataset, num_examples)


def examples_of(dataset: Dataset, count: int) -> list[Example]:
    """Returns the first examples of a data set; a text of several columns is a mapping of them."""
    alone = len(dataset.input_columns) == 1
    return [
        (next(iter(columns.values())) if alone else columns, label)
        for columns, label in (dataset[at] for at in range(min(count, len(dataset))))
    ]


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
