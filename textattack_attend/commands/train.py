"""The command ``textattack-attend train``."""

from __future__ import annotations

import json
from typing import Any

import click

from .common import command, resumable, trust_option
from .defense_options import DefenseCommand
from .terminal import echo


@command(cls=DefenseCommand)
@click.option(
    "--task",
    required=True,
    help="sst2, dream, hellaswag or reclor: data and settings; or the columns of train.csv and "
    "dev.csv (.tsv, .jsonl), last that of the label, as premise,hypothesis,label.",
)
@click.option("--model", required=True, help="Hub name or folder of the pretrained model.")
@click.option(
    "--data", required=True, help="Folder of the task's files as published, or their hub name."
)
@click.option("--output", required=True, type=click.Path(file_okay=False), help="For the model.")
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0, min_open=True),
    help="Instead of the paper's.",
)
@click.option("--batch-size", type=click.IntRange(min=1), help="Instead of the paper's.")
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of the paper's.")
@click.option("--max-tokens", type=click.IntRange(min=8), help="Instead of the paper's.")
@click.option(
    "--config",
    multiple=True,
    callback=lambda context, option, given: dict(map(_field, given)),
    metavar="FIELD=VALUE",
    help="Of the model's configuration, instead of its own, as attention_probs_dropout_prob=0; "
    "can be given again.",
)
@click.option("--seed", default=0, show_default=True, help="Of everything random.")
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    help="By default what takes less time on this machine.",
)
@click.option("--overwrite", is_flag=True, help="Delete what the output folder holds.")
@trust_option
def train(
    task: str,
    model: str,
    data: str,
    output: str,
    defense: str,
    learning_rate: float | None,
    batch_size: int | None,
    epochs: int | None,
    max_tokens: int | None,
    config: dict[str, Any],
    seed: int,
    precision: str | None,
    overwrite: bool,
    trust_remote_code: bool,
    **options: Any,
) -> None:
    """Fine-tune a model with the settings of the paper's Table 9 (resumes where it stopped)."""
    from accelerate import PartialState

    from ..training.defenses import defense_of
    from ..training.fine_tuning import fine_tune
    from ..training.tasks import task_of

    given = {name: value for name, value in options.items() if value is not None}
    method = defense_of(defense, **given)
    anew = "the same command, without --overwrite," if overwrite else "the same command"
    with resumable(anew):
        card = fine_tune(
            task_of(task),
            model,
            data,
            output,
            defense=method,
            learning_rate=learning_rate,
            batch_size=batch_size,
            epochs=epochs,
            max_tokens=max_tokens,
            config=config,
            seed=seed,
            precision=precision,
            overwrite=overwrite,
            trust_remote_code=trust_remote_code,
        )
    if PartialState().is_main_process:
        echo(f"dev accuracy {card.accuracy:.1%}, saved in {output}")


def _field(given: str) -> tuple[str, Any]:
    """Parses FIELD=VALUE into the field and its value, which is JSON or text."""
    name, equals, value = given.partition("=")
    if not equals:
        raise click.BadParameter(f"expected FIELD=VALUE, got {given!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
