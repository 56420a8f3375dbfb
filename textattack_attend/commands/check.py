"""The command ``textattack-attend check``."""

from __future__ import annotations

import shlex

import click

from .common import command, measured, prepare
from .terminal import advise, echo


@command()
@measured
def check(
    model: str,
    data: str,
    num_examples: int,
    threads: int,
    trust_remote_code: bool,
    label_names: tuple[str, ...],
) -> None:
    """Look for signs that attacks on a victim cannot be trusted.

    The exit code is 1 if there are any. The signs are gradients that vanish, random masks that beat
    the gradient, a victim that answers at random, and successes that a fresh forward pass does not
    confirm.
    """
    wrapper, examples = prepare(model, data, num_examples, threads, trust_remote_code, label_names)
    from ..analysis.sanity import findings

    found = list(findings(wrapper, examples))
    for finding in found:
        echo(f"warning: {finding}", err=True)
    if found:
        advise("mend the victim or the data as the warnings say, and check it again")
        raise click.exceptions.Exit(1)
    echo(f"nothing suspicious on {len(examples)} examples")
    given = f"--model {shlex.quote(model)} --data {shlex.quote(data)}"
    advise(f"textattack-attend robustness {given}")
