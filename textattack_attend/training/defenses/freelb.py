"""FreeLB (Zhu et al. 2020, Algorithm 1): the mean loss over a few steps uphill on embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from .defense_trainer import DefenseTrainer
from .embeddings import OnEmbeddings, perturbed_embeddings, random_start
from .options import RELEASED, Presets, WithPresets
from .registry import register_defense


@dataclass(frozen=True)
class FreeLB(OnEmbeddings, WithPresets):
    """FreeLB (Zhu et al. 2020): the mean loss over steps uphill on the embeddings."""

    name: ClassVar[str] = "freelb"
    presets: ClassVar[Presets] = {
        RELEASED: {"steps": 2, "radius": 0.1, "start": 0.0, "fresh_dropout": True}
    }


class FreeLBTrainer(DefenseTrainer[FreeLB]):
    """Averages the gradients of the weights over the steps uphill.

    All steps have the same dropout mask, as FreeLB's paper asks (section 3.3), unless each is to
    have its own.
    """

    def defended_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains on a batch under each of its perturbations, and returns the mean loss."""
        options = self.defense
        bare = self.bare(model)
        inputs = self._prepare_inputs(inputs)
        passes = options.steps + options.clean
        randomness = options.randomness(self.args.device)
        losses = []
        if options.clean:
            losses.append(self.scaled_step(model, inputs, items, 1 / passes))
        perturbation = random_start(bare, inputs, options.start)
        for _ in range(options.steps):
            perturbation = perturbation.detach().requires_grad_()
            randomness.repeat()
            with perturbed_embeddings(bare, perturbation):
                losses.append(self.scaled_step(model, inputs, items, 1 / passes))
            assert perturbation.grad is not None
            perturbation = options.moved(perturbation, perturbation.grad)
        return torch.stack(losses).sum()


register_defense(FreeLB, FreeLBTrainer)
