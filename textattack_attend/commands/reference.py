"""``textattack-attend reference``."""

from __future__ import annotations

import click

from ..published import READERS
from .common import last, measured, prepare


@click.command()
@measured
@click.option(
    "--task",
    type=click.Choice(list(READERS)),
    default="sst2",
    show_default=True,
    help="What the file is.",
)
@click.option("--max-tokens", type=click.IntRange(min=8), help="Of a sequence; else the model's.")
@click.option("--seed", default=765, show_default=True, help="For random choices.")
def reference(
    model: str,
    data: str,
    num_examples: int,
    threads: int,
    task: str,
    max_tokens: int | None,
    seed: int,
) -> None:
    """Print the configurations of HackAttend's tables on one victim."""
    wrapper, examples = prepare(model, data, num_examples, threads, task, max_tokens)
    from ..measurements.reference import CHOICE_CONFIGURATIONS, CONFIGURATIONS, measure

    configurations = CONFIGURATIONS if task == "sst2" else CHOICE_CONFIGURATIONS
    titles = f"{'successes':>12}{'ASR':>8}{'candidates':>12}{'queries':>9}{'Hamming':>9}"
    click.echo(f"{'configuration':42}{titles}")
    for name, options in configurations.items():
        row = last(measure(wrapper, examples, seed=seed, **options), len(examples), name)
        click.echo(
            f"{name:42}{f'{row.successes} of {row.attacked}':>12}{row.success_rate:>8.1%}"
            f"{row.candidate_queries:>12.1f}{row.queries:>9.1f}{row.hamming:>9.1f}"
        )
