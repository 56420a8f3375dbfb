"""Trains a network beside the model, such as a discriminator or an adversary.

The network is not saved with the model, but with the checkpoints that a training resumes from.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn
from transformers import PreTrainedModel

from .defense_trainer import DefenseTrainer
from .options import Defense

SAVED_AS = "companion.pt"
D = TypeVar("D", bound=Defense)


class CompanionTrainer(DefenseTrainer[D]):
    """Trains the model together with a network beside it, which has an optimizer of its own.

    Attributes:
        companion: the network.
        precision: its dtype: float32, or float64 for a model in that.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        with torch.random.fork_rng():  # the model's own draws are those of training without it
            companion = self.made_companion(self.bare(self.model_wrapped))
        self.precision = torch.promote_types(self.bare(self.model_wrapped).dtype, torch.float32)
        self.companion = companion.to(self.args.device, self.precision)
        optimizer = torch.optim.AdamW(self.companion.parameters(), lr=self.companion_learning_rate)
        self._optimizer = self.accelerator.prepare(optimizer)

    @abstractmethod
    def made_companion(self, model: PreTrainedModel) -> nn.Module:
        """Returns the network to train beside a model."""

    @property
    def companion_learning_rate(self) -> float:
        """The learning rate of the network; by default the highest of the model."""
        return float(self.args.learning_rate)

    def train_companion(self) -> None:
        """Takes a step along the gradients of the network, which are then cleared.

        Gradients are those of all processes. While the trainer accumulates them, nothing is done.
        """
        if self.accelerator.num_processes > 1:
            for weight in self.companion.parameters():
                if weight.grad is not None:
                    weight.grad = self.accelerator.reduce(weight.grad, "mean")
        self._optimizer.step()
        self._optimizer.zero_grad()

    def kept(self) -> dict[str, Any]:
        """Returns what else a resumed training needs, by name."""
        return {}

    def restore(self, kept: dict[str, Any]) -> None:
        """Sets back what `kept` returned when a checkpoint was saved."""

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)  # type: ignore[no-untyped-call]
        if self.args.should_save:
            state = {
                "network": self.companion.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "kept": self.kept(),
            }
            torch.save(state, Path(output_dir) / SAVED_AS)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[no-untyped-call]
        if checkpoint is not None:
            state = torch.load(Path(checkpoint) / SAVED_AS, weights_only=True)
            self.companion.load_state_dict(state["network"])
            self._optimizer.load_state_dict(state["optimizer"])
            self.restore(state["kept"])
