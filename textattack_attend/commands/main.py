"""``textattack-attend``: measurements that TextAttack's own command line does not have.

Attacks run through ``textattack attack --recipe hackattend``. Heavy imports happen inside the
commands, so ``--help`` is instant.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .. import __version__
from ..errors import AttendError

if TYPE_CHECKING:
    from ..benchmark.reference import Example
    from ..models.wrappers import AttentionModelWrapper

T = TypeVar("T")


class _Group(click.Group):
    """Turns our errors into one line and exit code 1."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except AttendError as error:
            raise click.ClickException(str(error)) from None


def _measured(command: Callable[..., None]) -> Callable[..., None]:
    """The options every measurement takes."""
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
            type=click.Path(exists=True, dir_okay=False),
            help="sentence<TAB>label lines.",
        ),
        click.option("--model", required=True, help="Hub name or folder of the victim."),
    ):
        command = option(command)
    return command


@click.group(cls=_Group)
@click.version_option(__version__)
def main() -> None:
    """Measure attacks on the self-attention of transformers."""


@main.command()
@_measured
@click.option("--seed", default=765, show_default=True, help="For random choices.")
def reference(model: str, data: str, num_examples: int, threads: int, seed: int) -> None:
    """Print the configurations of HackAttend's tables on one victim."""
    wrapper, examples = _prepare(model, data, num_examples, threads)
    from ..benchmark.reference import CONFIGURATIONS, measure

    click.echo(f"{'configuration':42}{'successes':>12}{'ASR':>8}{'candidates':>12}{'queries':>9}")
    for name, options in CONFIGURATIONS.items():
        row = _last(measure(wrapper, examples, seed=seed, **options), len(examples), name)
        click.echo(
            f"{name:42}{f'{row.successes} of {row.attacked}':>12}{row.success_rate:>8.1%}"
            f"{row.candidate_queries:>12.1f}{row.queries:>9.1f}"
        )


@main.command()
@_measured
def speed(model: str, data: str, num_examples: int, threads: int) -> None:
    """Time HackAttend against a plain sequential run and compare every decision."""
    wrapper, examples = _prepare(model, data, num_examples, threads)
    from ..benchmark.speed import compare

    both = _last(compare(wrapper, examples), len(examples), "both ways")
    click.echo(f"examples attacked             {both.attacked} of {len(examples)}")
    click.echo(f"different decisions           {both.differing}")
    click.echo(f"hackattend, s per attack      {both.seconds / both.attacked:.3f}")
    click.echo(f"sequential, s per attack      {both.sequential_seconds / both.attacked:.3f}")
    click.echo(f"ratio                         {both.ratio:.1f}")


def _prepare(
    model: str, data: str, num_examples: int, threads: int
) -> tuple[AttentionModelWrapper, list[Example]]:
    examples = _read(data)[:num_examples]
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from ..models.wrappers import AttentionModelWrapper

    torch.set_num_threads(threads)
    loaded = AutoModelForSequenceClassification.from_pretrained(model)
    return AttentionModelWrapper(loaded, AutoTokenizer.from_pretrained(model)), examples


def _read(path: str) -> list[Example]:
    examples = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            text, tab, label = line.rstrip("\n").rpartition("\t")
            if not tab or not label.isdigit():
                raise click.ClickException(
                    f"{path}:{number}: expected sentence<TAB>label, got {line.rstrip()[:60]!r}"
                )
            examples.append((text, int(label)))
    if not examples:
        raise click.ClickException(f"{path}: expected sentence<TAB>label lines, got an empty file")
    return examples


def _last(progress: Iterator[T], total: int, name: str) -> T:
    """Run a measurement to its end, with a progress bar on a terminal."""
    import tqdm

    bar: Iterator[T] = tqdm.tqdm(progress, total=total, desc=name, leave=False, disable=None)
    return deque(bar, maxlen=1).pop()
