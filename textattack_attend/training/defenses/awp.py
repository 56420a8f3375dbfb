"""Adversarial weight perturbation (Wu et al. 2020, Algorithm 1), on perturbed embeddings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...errors import require_number
from .defense_trainer import DefenseTrainer
from .embeddings import OnEmbeddings, perturbed_embeddings, random_start
from .options import option
from .randomness import Randomness
from .registry import register_defense


@dataclass(frozen=True)
class AWP(OnEmbeddings):
    """Adversarial weight perturbation (Wu et al. 2020): the loss is flat around the weights.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "awp"

    weight_radius: float = option(
        0.005, "The length of the perturbation of each weight matrix, over that of the matrix."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("weight_radius", self.weight_radius, "[0, inf)")


class AWPTrainer(DefenseTrainer[AWP]):
    """Perturbs the embeddings by a few steps uphill, then the weights by one, and trains there.

    The paper perturbs images; of texts we perturb the word embeddings, as FreeLB does. Weights of
    one dimension, biases and norms, are left as they are, as in the authors' code.
    """

    def defended_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains on a batch at perturbed weights, and returns the loss there."""
        inputs = self._prepare_inputs(inputs)

        def attack(randomness: Randomness) -> AbstractContextManager[None]:
            perturbation = self._uphill(model, inputs, randomness)
            changes = self._changes(model, inputs, perturbation, randomness)
            return self._attacked(model, perturbation, changes)

        randomness = self.defense.randomness(self.args.device)
        return self.attacked_step(model, inputs, items, attack, self.defense.clean, randomness)

    def _uphill(self, model: nn.Module, inputs: dict[str, Any], randomness: Randomness) -> Tensor:
        """Returns the perturbation of the word embeddings, (B, T, D)."""
        options = self.defense
        perturbation = random_start(self.bare(model), inputs, options.start)
        for _ in range(options.steps):
            perturbation = perturbation.detach().requires_grad_()
            loss = self._loss(model, inputs, perturbation, randomness)
            (gradient,) = torch.autograd.grad(loss, perturbation)
            perturbation = options.moved(perturbation, gradient)
        return perturbation.detach()

    def _changes(
        self, model: nn.Module, inputs: dict[str, Any], perturbation: Tensor, randomness: Randomness
    ) -> list[tuple[nn.Parameter, Tensor]]:
        """Returns each weight matrix with the change of it that raises the loss most."""
        weights = [w for w in self.bare(model).parameters() if w.requires_grad and w.ndim > 1]
        loss = self._loss(model, inputs, perturbation, randomness)
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        found = [(w, g) for w, g in zip(weights, gradients, strict=True) if g is not None]
        radius = self.defense.weight_radius
        return [(weight, radius * _as_long_as(weight, self._shared(own))) for weight, own in found]

    def _shared(self, gradient: Tensor) -> Tensor:
        """Returns the mean of a gradient over the processes, which all perturb alike."""
        mean: Tensor = self.accelerator.reduce(gradient, "mean")
        return mean

    def _loss(
        self, model: nn.Module, inputs: dict[str, Any], perturbation: Tensor, randomness: Randomness
    ) -> Tensor:
        randomness.repeat()
        autocast: Any = self.compute_loss_context_manager
        bare = self.bare(model)
        with autocast(), perturbed_embeddings(bare, perturbation):
            loss: Tensor = bare(**inputs).loss
        return loss

    @contextmanager
    def _attacked(
        self,
        model: nn.Module,
        perturbation: Tensor,
        changes: Sequence[tuple[nn.Parameter, Tensor]],
    ) -> Iterator[None]:
        with perturbed_embeddings(self.bare(model), perturbation), changed_weights(changes):
            yield


@contextmanager
def changed_weights(changes: Sequence[tuple[nn.Parameter, Tensor]]) -> Iterator[None]:
    """Adds changes to weights inside the context, and gives the weights back bit for bit."""
    own = [weight.detach().clone() for weight, _ in changes]
    try:
        with torch.no_grad():
            for weight, change in changes:
                weight.add_(change)
        yield
    finally:
        with torch.no_grad():
            for (weight, _), before in zip(changes, own, strict=True):
                weight.copy_(before)


def _as_long_as(weight: Tensor, direction: Tensor) -> Tensor:
    """Returns a direction in the length of a weight; zero stays zero."""
    length = direction.norm().clamp_min(torch.finfo(direction.dtype).tiny)
    scaled: Tensor = direction * (weight.detach().norm() / length)
    return scaled


register_defense(AWP, AWPTrainer)
