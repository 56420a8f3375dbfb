"""The trainer of all defenses: transformers' ``Trainer`` with a step that a method can change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ...errors import TrainingDivergedError
from .checkpointed_trainer import CheckpointedTrainer
from .options import Defense
from .randomness import Randomness
from .registry import register_defense

D = TypeVar("D", bound=Defense)


@contextmanager
def own_precision(model: nn.Module) -> Iterator[None]:
    """Takes off the autocast that accelerate put around a model's forward, inside the context."""
    own = getattr(model, "_original_forward", None)  # where accelerate keeps it
    wrapped = vars(model).get("forward")
    if own is None or wrapped is None:
        yield
        return
    model.forward = own
    try:
        yield
    finally:
        model.forward = wrapped


class DefenseTrainer(CheckpointedTrainer, Generic[D]):
    """Trains as usual; a defense overrides `defended_step`.

    Args:
        defense: the options of the defense.
        arguments: positional arguments of `Trainer`.
        options: keyword arguments of `Trainer`.
    """

    def __init__(self, defense: D, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.defense = defense
        self._share = 1.0
        self._term: Callable[[Any], Tensor] | None = None
        # Trainer sets it when it begins to train; a step by itself needs it, too.
        self.current_gradient_accumulation_steps = self.args.gradient_accumulation_steps

    def defended_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Runs a batch forward and backward, and returns the loss, a detached scalar."""
        return self.plain_step(model, inputs, items)

    def plain_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Runs a batch forward and backward without a defense, and returns the loss."""
        loss: Tensor = super().training_step(model, inputs, items)
        return loss

    def scaled_step(
        self, model: nn.Module, inputs: dict[str, Any], items: Any, share: float
    ) -> Tensor:
        """Runs a plain step whose loss is multiplied by a share, in (0, 1]."""
        self._share = share
        try:
            return self.plain_step(model, inputs, items)
        finally:
            self._share = 1.0

    def step_with(
        self, model: nn.Module, inputs: dict[str, Any], items: Any, term: Callable[[Any], Tensor]
    ) -> Tensor:
        """Runs a plain step to whose loss a term is added.

        Args:
            model: the model as the trainer has it.
            inputs: the batch.
            items: the number of items of the batch, as `Trainer` counts them.
            term: a function that computes the term, a scalar, from the model's output.

        Returns:
            The loss with the term, a detached scalar.
        """
        self._term = term
        try:
            return self.plain_step(model, inputs, items)
        finally:
            self._term = None

    def attacked_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        items: Any,
        attack: Callable[[Randomness], AbstractContextManager[None]],
        clean: bool,
        randomness: Randomness,
    ) -> Tensor:
        """Runs a step under an attack, and one on the clean texts before it if asked.

        Args:
            model: the model as the trainer has it.
            inputs: the batch, on the device.
            items: the number of items of the batch, as `Trainer` counts them.
            attack: a function that attacks the batch and returns the context in which the model
                trains; it can repeat the randomness of the step.
            clean: whether to train on the clean texts, too.
            randomness: the randomness of the step, made before anything of it was drawn.

        Returns:
            The mean loss, a detached scalar.
        """
        share = 1 / (1 + clean)
        losses = []
        if clean:
            losses.append(self.scaled_step(model, inputs, items, share))
        under = attack(randomness)
        randomness.repeat()
        with under:
            losses.append(self.scaled_step(model, inputs, items, share))
        return torch.stack(losses).sum()

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Computes the loss, as a hook of `Trainer`, with the term and the share of the step."""
        if self._term is None:
            computed = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            return computed if self._share == 1 else computed * self._share
        loss, output = super().compute_loss(model, inputs, True, num_items_in_batch)
        loss = loss + self._term(output)
        return (loss, output) if return_outputs else loss

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> Tensor:
        """Runs a defended step, as a hook of `Trainer`, and checks its loss.

        Raises:
            TrainingDivergedError: the loss is NaN or infinite; the checkpoints so far are kept.
        """
        loss = self.defended_step(model, inputs, num_items_in_batch)
        if not torch.isfinite(loss):
            raise TrainingDivergedError(
                f"the loss is {float(loss)} at step {self.state.global_step + 1}; expected a "
                f"finite number: lower the learning rate, and go on from {self.args.output_dir}"
            )
        return loss

    def step_seconds_ratio(self, batches: int = 8) -> float:
        """Returns the time of defended steps over that of plain ones, on the same batches."""
        if type(self) is DefenseTrainer:  # they are the same
            return 1.0
        steps = [self.plain_step, self.defended_step]
        seconds = dict.fromkeys(steps, 0.0)
        for inputs in islice(self.get_train_dataloader(), batches):
            for step in steps:
                start = time.perf_counter()
                float(step(self.model_wrapped, dict(inputs), None))  # waits for the device
                seconds[step] += time.perf_counter() - start
            steps.reverse()  # each is as often the one that comes second
        self.bare(self.model_wrapped).zero_grad()
        return seconds[self.defended_step] / seconds[self.plain_step]

    def evaluation_loop(self, *arguments: Any, **options: Any) -> Any:
        """Judges the model in its own precision, as an attack does, whatever trains it."""
        model: Any = self.model
        with own_precision(model):
            return super().evaluation_loop(*arguments, **options)

    def compute_loss_context_manager(self) -> AbstractContextManager[Any]:
        """Returns the context of a step's forward pass, which in evaluation changes nothing."""
        model: Any = self.model
        if not model.training:
            return nullcontext()
        context: AbstractContextManager[Any] = super().compute_loss_context_manager()  # type: ignore[no-untyped-call]
        return context

    @property
    def progress(self) -> float:
        """The share of all steps that is done."""
        return self.state.global_step / max(1, self.state.max_steps)

    def bare(self, model: nn.Module) -> PreTrainedModel:
        """Returns the model without the wrappers that accelerate put around it."""
        bare: PreTrainedModel = self.accelerator.unwrap_model(model)
        return bare


register_defense(Defense, DefenseTrainer)
