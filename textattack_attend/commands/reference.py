"""``textattack-attend reference``."""

from __future__ import annotations

import click

from .common import last, measured, prepare


@click.command()
@measured
@click.option("--seed", default=765, show_default=True, help="For random choices.")
def reference(model: str, data: str, num_examples: int, threads: int, seed: int) -> None:
    """Print the configurations of HackAttend's tables on one victim."""
    wrapper, examples = prepare(model, data, num_examples, threads)
    from ..benchmark.reference import CONFIGURATIONS, measure

    click.echo(f"{'configuration':42}{'successes':>12}{'ASR':>8}{'candidates':>12}{'queries':>9}")
    for name, options in CONFIGURATIONS.items():
        row = last(measure(wrapper, examples, seed=seed, **options), len(examples), name)
        click.echo(
            f"{name:42}{f'{row.successes} of {row.attacked}':>12}{row.success_rate:>8.1%}"
            f"{row.candidate_queries:>12.1f}{row.queries:>9.1f}"
        )
