"""The command ``textattack-attend audit``."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

import click

from ..process.progress import say
from .common import command, given, label_names_option, resumable, trust_option
from .tables import show
from .terminal import echo

if TYPE_CHECKING:
    from ..analysis.audit import Audit

WIDTH = 100
"""The most characters of a line that shows an example."""


@command()
@click.argument("model")
@click.argument("data")
@click.option(
    "--num-examples",
    default=50,
    show_default=True,
    type=click.IntRange(min=1),
    help="The number of examples, from the first on.",
)
@click.option(
    "--attack",
    "attacks",
    multiple=True,
    default=("deepwordbug",),
    show_default=True,
    help="An attack beside HackAttend and HackAttend+, as --recipe of `attack` takes it; can be "
    "given again. deepwordbug downloads nothing.",
)
@click.option(
    "--output",
    default="audit.html",
    show_default=True,
    type=click.Path(dir_okay=False),
    help="The file of the page.",
)
@click.option(
    "--store",
    default="audit.sqlite",
    show_default=True,
    type=click.Path(dir_okay=False),
    help="The file that gets a row for every attacked example.",
)
@click.option(
    "--threads",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="The number of CPU threads.",
)
@label_names_option
@trust_option
def audit(
    model: str,
    data: str,
    num_examples: int,
    attacks: tuple[str, ...],
    output: str,
    store: str,
    threads: int,
    label_names: tuple[str, ...],
    trust_remote_code: bool,
) -> None:
    """Check and attack one victim, and write one page about it.

    MODEL is a folder, a name on the hub, or attend-demo. DATA is FILE^FORMAT (sst2, dream and
    others), FILE^COLUMN,...,LABEL, or demo, the reviews that come with the package.

    The page and the summary begin with the warnings of `check`. Then come the attacks, the accuracy
    of the victim under growing budgets, and the token pairs on which a few successes depend most.
    An audit that was interrupted goes on with the same command.

    The exit code is 0 if the audit is done, and 1 if its checks found that attacks on this victim
    cannot be trusted; the page is written in both cases. It is also 1, with one line, if the audit
    cannot be made.
    """
    with resumable():
        done = _audited(
            model,
            data,
            num_examples,
            attacks,
            store,
            threads,
            label_names,
            trust_remote_code,
        )
        from ..files import write_whole
        from ..report.audit_page import audit_page

        say("writing the page")
        page = audit_page(done, f"Audit of {_named(model)}", attention=True)
        write_whole(output, page.encode())
    _show(done, output)
    echo("", *_next(done, model, output, store))
    if done.warnings:
        raise click.exceptions.Exit(1)


def _audited(
    model: str,
    data: str,
    num_examples: int,
    attacks: tuple[str, ...],
    store: str,
    threads: int,
    label_names: tuple[str, ...],
    trust_remote_code: bool,
) -> Audit:
    """Loads the victim and the data, and audits them."""
    from ..checkpoints.places import require_possible
    from ..data.data_name import require_source

    require_possible(model)
    require_source(data)
    say(f"loading {model}")
    import torch

    from ..analysis.audit import audit as audited
    from ..datasets import dataset_named
    from ..models.wrappers import wrapper_for

    torch.set_num_threads(threads)
    dataset = dataset_named(data, count=num_examples)
    wrapper = wrapper_for(model, trust_remote_code)
    wrapper.model.to("cuda" if torch.cuda.is_available() else "cpu")
    return audited(
        wrapper,
        dataset,
        num_examples=num_examples,
        attacks=attacks,
        store=store,
        checkpoint=_located(model),
        data=_located(data),
        label_names=label_names,
        trust_remote_code=trust_remote_code,
        command=given(),
        say=say,
    )


def _located(name: str) -> str:
    """Returns the absolute path of a file or folder, with what follows a caret; names stay."""
    path, caret, layout = name.partition("^")
    return f"{os.path.abspath(path) if os.path.exists(path) else path}{caret}{layout}"


def _named(model: str) -> str:
    return Path(os.path.abspath(model)).name if os.path.isdir(model) else model


def _show(done: Audit, output: str) -> None:
    """Prints the summary of an audit."""
    for warning in done.warnings:
        echo(f"warning: {warning}", err=True)
    echo(done.sentence, "")
    show(done.attacks)
    echo("Queries and seconds are means over the attacked examples.")
    if len(done.pairs):
        echo("", "Token pairs, query -> key, by their effect on the margin (logits):")
    for position, own in done.pairs.groupby("position", sort=False):
        first = own.iloc[0]
        named = f"example {position}, {first['before']} -> {first['after']}: {first['text']}"
        echo(shorten(named, WIDTH, placeholder=" ..."))
        for pair in own.head(3).itertuples():
            echo(f"  {pair.effect:6.2f}  L{pair.layer} H{pair.head}  {pair.query} -> {pair.key}")


def _next(done: Audit, model: str, output: str, store: str) -> list[str]:
    """Returns lines that say where the page is, and what to do next."""
    model, output, store = map(shlex.quote, (model, output, store))
    return [
        f"The page is in {output}: open it in a browser. Every example, a sentence, a defense:",
        f"  textattack-attend results --store {store} --run {done.run} --table rows",
        f'  textattack-attend attack "A SENTENCE" --model {model} --recipe hackattend-plus',
        "  textattack-attend train --help",
    ]
