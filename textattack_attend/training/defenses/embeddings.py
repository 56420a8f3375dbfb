"""Perturbs word embeddings within bounds, for adversarial training."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ...attention.forwards import Forward, changed_forwards
from ...errors import (
    UnsupportedModelError,
    require_number,
    require_whole_number,
    require_yes_or_no,
)
from .options import Defense, option
from .randomness import FreshRandomness, Randomness


@dataclass(frozen=True)
class OnEmbeddings(Defense):
    """The options that FreeLB, CreAT and AWP share: steps uphill on the word embeddings.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    steps: int = option(3, "The number of steps uphill.")
    step_size: float = option(0.1, "The length of a step, over all embeddings of a text.")
    radius: float = option(0.6, "The largest length of a perturbation; 0 is any.")
    start: float = option(0.05, "The largest length of the random start; 0 is none.")
    clean: bool = option(False, "Train on the clean text, too.")
    fresh_dropout: bool = option(
        False, "Draw another dropout mask for each pass of a step, as the paper's code does."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require_whole_number("steps", self.steps)
        for name in ("step_size", "radius", "start"):
            require_number(name, getattr(self, name), "[0, inf)")
        require_yes_or_no("clean", self.clean)
        require_yes_or_no("fresh_dropout", self.fresh_dropout)

    def randomness(self, device: torch.device) -> Randomness:
        """Returns the randomness of a step, which its passes repeat or not."""
        return FreshRandomness(device) if self.fresh_dropout else Randomness(device)

    def moved(self, perturbation: Tensor, gradient: Tensor) -> Tensor:
        """Returns a perturbation, (B, T, D), one step uphill along a gradient, within the ball."""
        step = self.step_size * normalized(gradient)
        return within_ball(perturbation.detach() + step, self.radius)


def perturbed_embeddings(
    model: PreTrainedModel, perturbation: Tensor
) -> AbstractContextManager[None]:
    """Adds a perturbation, (B, T, D), to the word embeddings of every forward pass inside.

    Raises:
        UnsupportedModelError: the model has an encoder and a decoder, whose tokens differ.
    """
    if model.config.is_encoder_decoder:
        raise UnsupportedModelError(
            f"perturbed embeddings: expected a model with one stack of layers, got a "
            f"{type(model).__name__}"
        )

    def adding(forward: Forward) -> Forward:
        def forward_and_add(*args: Any, **kwargs: Any) -> Any:
            return forward(*args, **kwargs) + perturbation

        return forward_and_add

    return changed_forwards([model.get_input_embeddings()], {0: adding})


def normalized(rows: Tensor) -> Tensor:
    """Scales each of the B matrices of (B, T, D) to Euclidean length 1; zero stays zero."""
    return rows / _length(rows).clamp_min(torch.finfo(rows.dtype).tiny)


def within_ball(rows: Tensor, radius: float) -> Tensor:
    """Shortens each of the B matrices of (B, T, D) to the radius; a radius of 0 is no bound."""
    if radius == 0:
        return rows
    return rows * (radius / _length(rows).clamp_min(radius))


def random_start(model: PreTrainedModel, inputs: dict[str, Any], size: float) -> Tensor:
    """Draws a uniform perturbation, (B, T, D), whose length does not grow with the text.

    It is zero at padding.
    """
    mask: Tensor = inputs["attention_mask"]
    mask = mask.flatten(0, -2)[..., None]
    table: Any = model.get_input_embeddings()
    width = int(table.weight.shape[1])
    drawn = torch.rand((*mask.shape[:2], width), device=mask.device) * 2 - 1
    units = mask.sum((1, 2), keepdim=True) * width
    return size * drawn * mask / units.sqrt()


def with_noise(rows: Tensor, inputs: dict[str, Any], deviation: float) -> Tensor:
    """Adds normal noise to every element of (B, T, D), but none at padding."""
    if deviation == 0:  # nothing is drawn, so that dropout draws as without noise
        return rows
    mask: Tensor = inputs["attention_mask"]
    return rows + deviation * torch.randn_like(rows) * mask.flatten(0, -2)[..., None]


def _length(rows: Tensor) -> Tensor:
    length: Tensor = rows.flatten(1).norm(dim=1)
    return length[:, None, None]
