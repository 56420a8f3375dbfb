"""Shows how far a training is, on standard error."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..process.progress import Bar, bar, say, spoken


class ShownTraining(TrainerCallback):
    """Shows the steps with the loss, and says the accuracy after every epoch.

    Args:
        name: the name of the training.
        texts: the number of texts that the model is judged by.
    """

    def __init__(self, name: str, texts: int) -> None:
        self._name = name
        self._texts = texts
        self._bar: Bar | None = None
        self._steps = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Begins to show the steps, as a hook of `Trainer`."""
        self._steps = state.global_step
        if state.is_world_process_zero:
            if self._steps:
                say(f"{self._steps} of {state.max_steps} steps are done already")
            self._bar = bar(self._name, state.max_steps, self._steps)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Counts the steps, as a hook of `Trainer`."""
        if self._bar is not None:
            self._bar.update(state.global_step - self._steps)
            self._steps = state.global_step

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **said: Any
    ) -> None:
        """Shows the newest loss, as a hook of `Trainer`."""
        if self._bar is not None and "loss" in said["logs"]:
            self._bar.set_postfix_str(f"loss {said['logs']['loss']:.3f}", refresh=False)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **said: Any
    ) -> None:
        """Says the accuracy, as a hook of `Trainer`."""
        if state.is_world_process_zero:
            metrics = said["metrics"]
            accuracy, seconds = metrics["eval_accuracy"], metrics["eval_runtime"]
            say(
                f"epoch {state.epoch or 0:g} of {args.num_train_epochs:g}: dev accuracy "
                f"{accuracy:.1%} on {self._texts} texts ({spoken(seconds)})"
            )

    def close(self) -> None:
        """Ends the display, also after an error or an interrupt."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
