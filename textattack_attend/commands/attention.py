"""The command ``textattack-attend attention``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ..host.nltk_fallback import DATA
from .common import command, last, measured, prepare
from .terminal import echo

STOP_WORDS = DATA / "corpora" / "stopwords" / "english"


@command()
@measured
@click.option(
    "--opinion-words",
    required=True,
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with an opinion word in each line, and comments behind a semicolon; can be given "
    "again.",
)
@click.option(
    "--layer",
    default=-1,
    show_default=True,
    help="The layer, counted from 0, or backwards from -1, which is the last one.",
)
def attention(
    model: str,
    data: str,
    num_examples: int,
    threads: int,
    trust_remote_code: bool,
    label_names: tuple[str, ...],
    opinion_words: tuple[Path, ...],
    layer: int,
) -> None:
    """Print how much attention goes to which words.

    It is the attention of the first token, as shares of stop words, opinion words, other words and
    special tokens.
    """
    wrapper, examples = prepare(model, data, num_examples, threads, trust_remote_code, label_names)
    from ..analysis.attention_shares import attention_shares

    opinions = {word for path in opinion_words for word in _words(path)}
    shares = last(
        attention_shares(
            wrapper.victim, [t for t, _ in examples], _words(STOP_WORDS), opinions, layer
        ),
        len(examples),
        "texts",
    )
    for name, share in asdict(shares).items():
        echo(f"{name.replace('_', ' '):16}{share:>7.1%}")


def _words(path: Path) -> set[str]:
    lines = path.read_text(encoding="latin-1").lower().splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith(";")}
