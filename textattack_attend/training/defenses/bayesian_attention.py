"""Bayesian attention modules (Fan et al. 2020): attention is drawn in training.

Unnormalised attention weights have a Weibull distribution whose mean is the softmax, and draws are
normalised. Its divergence from a Gamma prior is added to the loss. In evaluation nothing is drawn:
attention is the softmax, so a trained model is like any other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ...attention import family_of
from ...attention.fused import FusedMode
from ...attention.softmax import scores_of, softmax_modes
from ...errors import require_number, require_one_of, require_whole_number
from .companion import CompanionTrainer
from .options import Defense, option
from .registry import register_defense
from .stacks import head_size, require_one_stack

CONSTANT, CONTEXTUAL = "constant", "contextual"
LEAST = 1e-20
"""The least share of a key in a contextual prior, as in the authors' code."""


@dataclass(frozen=True)
class BayesianAttention(Defense):
    """Bayesian attention modules (Fan et al. 2020): attention is drawn in every training step.

    The defaults are those of the authors' command for GLUE.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "bayesian-attention"

    shape: float = option(
        10.0, "The shape of the Weibull distribution; the higher, the less noise."
    )
    weight: float = option(1.0, "The weight of the divergence from the prior.")
    prior: str = option(
        CONSTANT, "The prior is the same for all units (constant), or learnt from the keys."
    )
    prior_shape: float = option(1e-4, "The shape of the constant Gamma prior.")
    prior_rate: float = option(1e-4, "The rate of the Gamma prior.")
    hidden_size: int = option(10, "The size of the hidden layer that makes a contextual prior.")

    def __post_init__(self) -> None:
        for name in ("shape", "prior_shape", "prior_rate"):
            require_number(name, getattr(self, name), "(0, inf)")
        require_number("weight", self.weight, "[0, inf)")
        require_one_of("prior", self.prior, [CONSTANT, CONTEXTUAL])
        require_whole_number("hidden_size", self.hidden_size)


class BayesianAttentionTrainer(CompanionTrainer[BayesianAttention]):
    """Draws attention in every step, and adds the divergence of its distribution from the prior.

    As in the authors' code drawn attention has no dropout. Their code counts padding; here it has
    no part.
    """

    def made_companion(self, model: PreTrainedModel) -> nn.Module:
        """Returns the networks that make a contextual prior of keys, one for each layer.

        Raises:
            UnsupportedModelError: the model has an encoder and a decoder.
        """
        require_one_stack("bayesian-attention", model)
        size = head_size(model)
        hidden = self.defense.hidden_size
        return nn.ModuleList(
            [
                nn.Sequential(nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, 1))
                for _ in family_of(model).attention_modules(model)
            ]
        )

    def defended_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains on a batch with drawn attention, and returns the loss with the divergence."""
        inputs = self._prepare_inputs(inputs)
        real = inputs["attention_mask"].flatten(0, -2).bool()
        family = family_of(self.bare(model))
        modules = family.attention_modules(self.bare(model))
        companion: Any = self.companion
        drawn = [_Drawn(self.defense, network, real, self.precision) for network in companion]

        def term(output: Any) -> Tensor:
            divergences = torch.stack([layer.divergence for layer in drawn])
            return self.defense.weight * divergences.mean()

        with softmax_modes(modules, dict(enumerate(drawn)), family.extra_keys):
            loss = self.step_with(model, inputs, items, term)
        self.train_companion()
        return loss


class _Drawn(FusedMode):
    """Draws the attention of one layer.

    Attributes:
        divergence: the mean divergence of the units from the prior, with its graph.
    """

    divergence: Tensor

    def __init__(
        self,
        options: BayesianAttention,
        network: nn.Module,
        real: Tensor,
        precision: torch.dtype,
    ) -> None:
        self.options = options
        self.network = network
        self.real = real
        self.precision = precision

    def fused(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        """Computes attention by drawn weights, without dropout."""
        scores = scores_of(query, key, attn_mask, is_causal, scale)
        log_weights = scores.to(self.precision).log_softmax(-1)
        visible = self._visible(log_weights)
        prior = self._prior(key.repeat_interleave(query.shape[1] // key.shape[1], 1), visible)
        unit_divergence = divergence_from_gamma(
            log_weights.masked_fill(~visible, 0.0), self.options.shape, *prior
        )
        self.divergence = unit_divergence[visible].mean()
        weights = drawn_weights(log_weights, self.options.shape).to(value.dtype)
        return weights @ value.repeat_interleave(query.shape[1] // value.shape[1], 1)

    def _visible(self, log_weights: Tensor) -> Tensor:
        """Returns the units between tokens that can see each other, bool (B, H, T, T)."""
        real = self.real[:, None, :, None] & self.real[:, None, None, :]
        return real & (log_weights > math.log(torch.finfo(torch.float32).tiny))

    def _prior(self, key: Tensor, visible: Tensor) -> tuple[Tensor, float]:
        """Returns the shapes, (B, H, T, T) or a scalar, and the rate of the Gamma prior."""
        rate = self.options.prior_rate
        if self.options.prior == CONSTANT:
            return torch.tensor(self.options.prior_shape, device=key.device), rate
        scores = self.network(key.to(self.precision)).transpose(
            -1, -2
        )  # (B, H, 1, T): the same for all queries
        closed = ~visible.any(-2, keepdim=True)
        shares = scores.masked_fill(closed, -torch.inf).softmax(-1)
        # A closed unit has no part, but its share of 0 would have an infinite gradient.
        return (rate * shares.clamp_min(LEAST)).masked_fill(~visible, 1.0), rate


def drawn_weights(log_weights: Tensor, shape: float) -> Tensor:
    """Draws normalised weights, (B, H, T, T), from Weibull distributions.

    Args:
        log_weights: the logarithms of the means, (B, H, T, T).
        shape: the shape of the distributions.
    """
    tiny = torch.finfo(log_weights.dtype).tiny
    uniform = torch.rand_like(log_weights)
    exponential = -torch.log1p(-uniform)
    return (log_weights + exponential.clamp_min(tiny).log() / shape).softmax(-1)


def divergence_from_gamma(log_mean: Tensor, shape: float, alpha: Tensor, beta: float) -> Tensor:
    """Computes the Kullback-Leibler divergence of Weibull distributions from Gamma ones.

    Args:
        log_mean: the logarithms of the means of the Weibull distributions.
        shape: their shape.
        alpha: the shapes of the Gamma distributions.
        beta: their rate.
    """
    scale = log_mean - math.lgamma(1 + 1 / shape)  # the logarithm of the Weibull's scale
    return (
        np.euler_gamma * alpha / shape
        - alpha * scale
        + math.log(shape)
        + beta * log_mean.exp()
        - np.euler_gamma
        - 1
        - alpha * math.log(beta)
        + torch.lgamma(alpha)
    )


register_defense(BayesianAttention, BayesianAttentionTrainer)
