"""The command ``textattack-attend train``."""

from __future__ import annotations

import shlex
from dataclasses import fields
from typing import Any

import click

from ..training.settings import Settings
from .common import command, resumable, trust_option
from .defense_options import DefenseCommand
from .terminal import advise, echo
from .training_options import training_options


@command(cls=DefenseCommand)
@click.option(
    "--task",
    required=True,
    help="sst2, dream, hellaswag or reclor: data and settings; or the columns of train.csv and "
    "dev.csv (.tsv, .jsonl), last that of the label, as premise,hypothesis,label.",
)
@click.option(
    "--model", required=True, help="The folder of the pretrained model, or its name on the hub."
)
@click.option(
    "--data",
    required=True,
    help="The folder of the task's files as published, or their name on the hub.",
)
@click.option(
    "--output",
    required=True,
    type=click.Path(file_okay=False),
    help="The folder for the trained model.",
)
@training_options
@click.option(
    "--overwrite", is_flag=True, help="Delete what the output folder holds, and begin anew."
)
@trust_option
def train(
    task: str,
    model: str,
    data: str,
    output: str,
    defense: str,
    overwrite: bool,
    trust_remote_code: bool,
    **options: Any,
) -> None:
    """Fine-tune a model, plainly or with a defense.

    The settings are those of the paper's Table 9. A training that was stopped goes on with the same
    command.
    """
    from accelerate import PartialState

    from ..training.defenses import defense_of
    from ..training.fine_tuning import fine_tune
    from ..training.tasks import task_of

    settings = {own.name: options.pop(own.name) for own in fields(Settings)}
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
            overwrite=overwrite,
            trust_remote_code=trust_remote_code,
            **settings,
        )
    if PartialState().is_main_process:
        echo(f"dev accuracy {card.accuracy:.1%}, saved in {output}")
        advise(f"textattack-attend attack --recipe hackattend --model {shlex.quote(output)}")
