"""The command ``textattack-attend robustness``."""

from __future__ import annotations

from math import ceil, inf, log2

import click

from .common import command, measured, prepare, watched
from .terminal import echo

FRACTIONS = (0.0001, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
COUNTS = (0, *(2**power for power in range(12)))


@command()
@measured
@click.option(
    "--budget",
    type=click.Choice(["fraction", "matrices", "units"]),
    default="fraction",
    show_default=True,
    help="The quantity that is minimised: the mask fraction of every matrix, the number of "
    "matrices in which 1% may be masked, or the number of masked units of the whole model.",
)
def robustness(
    model: str,
    data: str,
    num_examples: int,
    threads: int,
    trust_remote_code: bool,
    label_names: tuple[str, ...],
    budget: str,
) -> None:
    """Print the accuracy of a victim under growing budgets.

    It comes from the smallest budget with which HackAttend+ flips each example, or, for units of
    the whole model, HackAttend-Minimal.
    """
    wrapper, examples = prepare(model, data, num_examples, threads, trust_remote_code, label_names)
    from ..analysis.robustness import (
        counts_curve,
        fewest_matrices,
        fewest_units,
        fraction_curve,
        shape_of,
        smallest_fractions,
    )

    echo(f"{budget:>10}{'accuracy':>10}")
    if budget == "matrices":
        fewest = list(watched(fewest_matrices(wrapper, examples), len(examples), budget))
        layers, heads, *_ = shape_of(wrapper, examples[0][0]).size
        counts = [*(count for count in COUNTS if count < layers * heads), layers * heads]
        for count, accuracy in zip(counts, counts_curve(fewest, counts), strict=True):
            echo(f"{count:>10}{accuracy:>10.1%}")
    elif budget == "units":
        fewest = list(watched(fewest_units(wrapper, examples), len(examples), budget))
        most = max((number for number in fewest if number < inf), default=0)
        counts = [0, *(2**power for power in range(ceil(log2(max(most, 1))) + 1))]
        for count, accuracy in zip(counts, counts_curve(fewest, counts), strict=True):
            echo(f"{count:>10}{accuracy:>10.1%}")
    else:
        smallest = list(watched(smallest_fractions(wrapper, examples), len(examples), budget))
        for fraction, accuracy in zip(FRACTIONS, fraction_curve(smallest, FRACTIONS), strict=True):
            echo(f"{fraction:>10.2%}{accuracy:>10.1%}")
