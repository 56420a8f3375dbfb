"""``textattack-attend train``."""

from __future__ import annotations

import click


@click.command()
@click.option("--task", required=True, help="sst2, dream, hellaswag or reclor: data and settings.")
@click.option("--model", required=True, help="Hub name or folder of the pretrained model.")
@click.option(
    "--data",
    required=True,
    help="Folder of the task's files as published, or their name on the hub.",
)
@click.option("--output", required=True, type=click.Path(file_okay=False), help="For the model.")
@click.option("--learning-rate", type=float, help="Instead of the paper's.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Instead of the paper's.")
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of the paper's.")
@click.option("--seed", default=0, show_default=True, help="For head, order and dropout.")
def train(
    task: str,
    model: str,
    data: str,
    output: str,
    learning_rate: float | None,
    batch_size: int | None,
    epochs: int | None,
    seed: int,
) -> None:
    """Fine-tune a victim with the settings of the paper's Table 9 (resumes where it stopped)."""
    from ..fine_tuning import fine_tune, task_of

    accuracy = fine_tune(
        task_of(task),
        model,
        data,
        output,
        learning_rate=learning_rate,
        batch_size=batch_size,
        epochs=epochs,
        seed=seed,
    )
    click.echo(f"dev accuracy {accuracy:.1%}, saved in {output}")
