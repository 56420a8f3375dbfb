"""CreAT (Wu et al. 2023): a perturbation that also moves the contextual representation."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

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
        perturbation = random_start(bare, inputs, options.start)
        mask = inputs["attention_mask"].flatten(0, -2)
        with torch.no_grad():
            clean = _contextual(self._outputs(model, inputs, randomness))
        for _ in range(options.steps):
            perturbation = perturbation.detach().requires_grad_()
            with perturbed_embeddings(bare, perturbation):
                output = self._outputs(model, inputs, randomness)
            alike = cosine_similarity(_contextual(output), clean, dim=-1)
            alike = (alike * mask).sum(-1) / mask.sum(-1)  # each text by itself, whatever is beside
            goal = output.loss - options.temperature * alike.mean()
            (gradient,) = torch.autograd.grad(goal, perturbation)
            moved = perturbation.detach() + options.step_size * normalized(gradient)
            perturbation = within_ball(moved, options.radius)
        return perturbation.detach()

    def _outputs(self, model: nn.Module, inputs: dict[str, Any], randomness: Randomness) -> Any:
        randomness.repeat()
        autocast: Any = self.compute_loss_context_manager
        with autocast():
            return model(**inputs, output_hidden_states=True)


def _contextual(output: Any) -> Tensor:
    """Returns the last hidden states, float32 (B, T, D)."""
    states = output.get("hidden_states")
    if states is None:
        raise UnsupportedModelError(
            f"creat: expected a model with one stack of layers, got one that answers with a "
            f"{type(output).__name__}"
        )
    last: Tensor = states[-1].float()
    return last


register_defense(CreAT, CreATTrainer)
