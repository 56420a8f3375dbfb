"""CreAT (Wu et al. 2023): a perturbation that also moves the contextual representation."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from ...attention.hidden_states import recorded_outputs
from ...errors import require_number, require_one_of
from .defense_trainer import DefenseTrainer
from .embeddings import OnEmbeddings, perturbed_embeddings, random_start, with_noise
from .options import CLEAN, RELEASED, Presets, WithPresets, option
from .randomness import Randomness
from .registry import register_defense
from .stacks import require_one_stack


def _mean_of_tokens(alike: Tensor, mask: Tensor) -> Tensor:
    """Returns the mean over the texts of the mean over the tokens of each, a scalar."""
    return ((alike * mask).sum(-1) / mask.sum(-1)).mean()


def _sum_of_first_tokens(alike: Tensor, mask: Tensor) -> Tensor:
    """Returns the sum over the texts of the similarity of their first token, a scalar."""
    return alike[:, 0].sum()


CONTEXTS = {"all-tokens": _mean_of_tokens, "first-token": _sum_of_first_tokens}
"""The contextual terms, from the similarities (B, T) of the tokens and the mask of real ones."""


@dataclass(frozen=True)
class CreAT(OnEmbeddings, WithPresets):
    """CreAT (Wu et al. 2023): the perturbation also moves the contextual representation.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "creat"
    presets: ClassVar[Presets] = {
        RELEASED: {
            "steps": 1,  # the code's two steps end before the second one moves the perturbation
            "radius": 0.1,
            "start": 0.0,
            "noise": 0.01,
            "context": "first-token",
            "fresh_dropout": True,
        }
    }

    temperature: float = option(1.0, "The weight of the contextual term.")
    clean: bool = option(True, CLEAN)
    noise: float = option(
        0.0, "The standard deviation of normal noise in each element of the start; 0 is none."
    )
    context: str = option(
        "all-tokens",
        "The contextual term: the mean cosine of all tokens (all-tokens), or the sum over the "
        "batch of the first token's (first-token), as the paper's code has it.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("temperature", self.temperature, "[0, inf)")
        require_number("noise", self.noise, "[0, inf)")
        require_one_of("context", self.context, list(CONTEXTS))


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

        randomness = self.defense.randomness(self.args.device)
        return self.attacked_step(model, inputs, items, attack, self.defense.clean, randomness)

    def _uphill(self, model: nn.Module, inputs: dict[str, Any], randomness: Randomness) -> Tensor:
        """Returns the perturbation of the word embeddings, (B, T, D)."""
        options = self.defense
        bare = self.bare(model)
        require_one_stack("creat", bare)
        perturbation = random_start(bare, inputs, options.start)
        perturbation = with_noise(perturbation, inputs, options.noise)
        mask = inputs["attention_mask"].flatten(0, -2)
        with torch.no_grad():
            _, clean = self._loss_and_states(model, inputs, randomness)
        for _ in range(options.steps):
            perturbation = perturbation.detach().requires_grad_()
            with perturbed_embeddings(bare, perturbation):
                loss, states = self._loss_and_states(model, inputs, randomness)
            alike = cosine_similarity(states, clean, dim=-1)
            goal = loss - options.temperature * CONTEXTS[options.context](alike, mask)
            (gradient,) = torch.autograd.grad(goal, perturbation)
            perturbation = options.moved(perturbation, gradient)
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
