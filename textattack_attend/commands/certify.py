"""The command ``textattack-attend certify``."""

from __future__ import annotations

import click

from .common import command, measured, prepare, watched
from .terminal import echo

COUNTS = (0, *(2**power for power in range(20)))


@command()
@measured
@click.option(
    "--alpha",
    default=0.9,
    show_default=True,
    help="The probability that a unit is masked in a vote, in (0, 1).",
)
@click.option(
    "--votes",
    default=1000,
    show_default=True,
    help="The number of votes for each example; the more, the larger a certificate can be.",
)
@click.option(
    "--error",
    default=0.001,
    show_default=True,
    help="The probability that the certificate of an example is false.",
)
@click.option(
    "--spare-first-token/--no-spare-first-token",
    default=True,
    show_default=True,
    help="Whether neither votes nor attackers mask the row and the column of [CLS].",
)
@click.option("--seed", default=0, show_default=True, help="The seed of the votes.")
def certify(
    model: str,
    data: str,
    num_examples: int,
    threads: int,
    trust_remote_code: bool,
    label_names: tuple[str, ...],
    alpha: float,
    votes: int,
    error: float,
    spare_first_token: bool,
    seed: int,
) -> None:
    """Print the accuracy that a smoothed victim provably keeps.

    The smoothed victim answers by a vote over random structures. A line says how often it is right,
    and no structure of so many units can change that.
    """
    from ..analysis.certificate import Smoothing, certificates, certified_curve

    smoothing = Smoothing(alpha, votes, error, spare_first_token, seed)
    wrapper, examples = prepare(model, data, num_examples, threads, trust_remote_code, label_names)
    texts = [text for text, _ in examples]
    found = list(watched(certificates(wrapper, texts, smoothing), len(texts), "certificate"))
    largest = max(own.units for own in found)
    counts = [count for count in COUNTS if count <= max(largest, 0)]
    echo(f"{'units':>10}{'accuracy':>10}")
    for count, accuracy in zip(counts, certified_curve(examples, found, counts), strict=True):
        echo(f"{count:>10}{accuracy:>10.1%}")
    abstained = sum(own.units < 0 for own in found)
    echo(f"abstained on {abstained} of {len(found)}; the largest certificate is {max(largest, 0)}")
