"""The command ``textattack-attend train``."""

from __future__ import annotations

import os
import shlex
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..training.settings import Settings
from .common import command, label_names_option, resumable, trust_option
from .defense_options import DefenseCommand
from .terminal import advise, echo
from .training_options import training_options

if TYPE_CHECKING:
    from ..training.tasks import Task


@command(cls=DefenseCommand)
@click.option("--task", hidden=True)
@click.option(
    "--model", required=True, help="The folder of the pretrained model, or its name on the hub."
)
@click.option(
    "--data",
    required=True,
    help="FOLDER^FORMAT or HUBNAME^FORMAT (sst2, dream, dream-first, hellaswag, reclor: the "
    "paper's settings); or FOLDER^COLUMN,...,LABEL for train.csv and dev.csv (.tsv, .jsonl).",
)
@click.option(
    "--output",
    required=True,
    type=click.Path(file_okay=False),
    help="The folder for the trained model.",
)
@training_options
@label_names_option
@click.option(
    "--overwrite", is_flag=True, help="Delete what the output folder holds, and begin anew."
)
@trust_option
def train(
    task: str | None,
    model: str,
    data: str,
    output: str,
    defense: str,
    overwrite: bool,
    trust_remote_code: bool,
    label_names: tuple[str, ...],
    **options: Any,
) -> None:
    """Fine-tune a model, plainly or with a defense.

    The settings are those of the paper's Table 9. A training that was stopped goes on with the same
    command.
    """
    from ..checkpoints.places import require_possible

    require_possible(model)  # said before seconds of imports
    from accelerate import PartialState

    from ..training.defenses import defense_of
    from ..training.fine_tuning import fine_tune
    from ..training.tasks import task_and_data

    of, folder = task_and_data(data, task)
    if task and "^" not in data:
        echo(f"--task {task}: it can be written with the data, as --data {data}^{task}", err=True)
    settings = {own.name: options.pop(own.name) for own in fields(Settings)}
    given = {name: value for name, value in options.items() if value is not None}
    method = defense_of(defense, **given)
    anew = "the same command, without --overwrite," if overwrite else "the same command"
    with resumable(anew):
        card = fine_tune(
            of,
            model,
            folder,
            output,
            defense=method,
            overwrite=overwrite,
            trust_remote_code=trust_remote_code,
            label_names=label_names,
            **settings,
        )
    if PartialState().is_main_process:
        echo(f"dev accuracy {card.accuracy:.1%}, saved in {output}")
        advise(f"textattack-attend attack --recipe hackattend {_named(output, of, folder)}")


def _named(output: str, task: Task, folder: str) -> str:
    """Returns the options that name a trained model, and the examples that it was judged by."""
    dev = sorted(Path(folder).glob(task.files[-1])) if os.path.isdir(folder) else []
    named = {"--model": output, **({"--data": f"{dev[0]}^{task.name}"} if dev else {})}
    return " ".join(f"{option} {shlex.quote(value)}" for option, value in named.items())
