"""CreAT (Wu et al. 2023): a perturbation that also moves the contextual representation."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from ...attention.hidden_states import recorded_outputs
from ...errors import UnsupportedModelError, require_number
from .defense_trainer import DefenseTrainer
from .embeddings import OnEmbeddings, normalized, perturbed_embeddings, random_start, within_ball
from .options import CLEAN, option
from .randomness import Randomness
from .registry import register_defense


@dataclass(frozen=True)
class CreAT(OnEmbeddings):
    """CreAT (Wu et al. 2023): the perturbation also moves the contextual representation.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "creat"

    temperature: float = option(1.0, "The weight of the contextual term.")
    clean: bool = option(True, CLEAN)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("temperature", self.temperature, "[0, inf)")


class CreATTrainer(DefenseTrainer[CreAT]):
    """Takes a few steps uphill, then one training step at the perturbation that they found.

    The steps raise the loss, and lower the similarity of the last hidden states to the clean ones.
    """

    def defended_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains on a batch and on its perturbation, and returns the mean loss."""
        inputs = self._prepare_inputs(inputs)

        def attack(randomness: Randomness) -> AbstractContextManager[None]:
            perturbation = self._uphill(model, inputs, randomness)
            return perturbed_embeddings(self.bare(model), perturbation)

        return self.attacked_step(model, inputs, items, attack, self.defense.clean)

    def _uphill(self, model: nn.Module, inputs: dict[str, Any], randomness: Randomness) -> Tensor:
        """Returns the perturbation of the word embeddings, (B, T, D)."""
        options = self.defense
        bare = self.bare(model)
        if bare.config.is_encoder_decoder:
            raise UnsupportedModelError(
                f"creat: expected a model with one stack of layers, got a {type(bare).__name__}"
            )
        perturbation = random_start(bare, inputs, options.start)
        mask = inputs["attention_mask"].flatten(0, -2)
        with torch.no_grad():
            _, clean = self._loss_and_states(model, inputs, randomness)
        for _ in range(options.steps):
            perturbation = perturbation.detach().requires_grad_()
            with perturbed_embeddings(bare, perturbation):
                loss, states = self._loss_and_states(model, inputs, randomness)
            alike = cosine_similarity(states, clean, dim=-1)
            alike = (alike * mask).sum(-1) / mask.sum(-1)  # each text by itself, whatever is beside
            goal = loss - options.temperature * alike.mean()
            (gradient,) = torch.autograd.grad(goal, perturbation)
            moved = perturbation.detach() + options.step_size * normalized(gradient)
            perturbation = within_ball(moved, options.radius)
        return perturbation.detach()

    def _loss_and_states(
        self, model: nn.Module, inputs: dict[str, Any], randomness: Randomness
    ) -> tuple[Tensor, Tensor]:
        """Returns the loss, and the last hidden states, float32 (B, T, D)."""
        randomness.repeat()
        autocast: Any = self.compute_loss_context_manager
        with autocast(), recorded_outputs(self.bare(model).base_model) as states:
            loss: Tensor = model(**inputs).loss
        return loss, states[-1].float()


register_defense(CreAT, CreATTrainer)
