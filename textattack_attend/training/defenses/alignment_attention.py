"""Alignment attention (Zhang et al. 2021): queries and keys of a head get one distribution.

A discriminator in every layer tells keys from queries, as in the adversarial variant of the paper
(section 3.1), and the model learns to deceive it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, scaled_dot_product_attention
from transformers import PreTrainedModel

from ...attention import family_of
from ...attention.fused import FusedMode
from ...attention.softmax import softmax_modes
from ...errors import require_number, require_whole_number
from .companion import CompanionTrainer
from .gradient_reversal import with_reversed_gradient
from .options import Defense, option
from .registry import register_defense
from .stacks import head_size, require_one_stack


@dataclass(frozen=True)
class AlignmentAttention(Defense):
    """Alignment attention (Zhang et al. 2021): a discriminator cannot tell keys from queries.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "alignment-attention"

    weight: float = option(0.01, "The weight of the discriminators' loss beside the task's.")
    hidden_size: int = option(16, "The size of the discriminators' hidden layer.")

    def __post_init__(self) -> None:
        require_number("weight", self.weight, "[0, inf)")
        require_whole_number("hidden_size", self.hidden_size)


class Discriminator(nn.Module):
    """Computes the logit that a vector is a key and no query, for all heads of a layer.

    Args:
        size: the size of the vectors of a head.
        hidden: the size of the hidden layer.
        dropout: the share of values that dropout leaves out.
    """

    def __init__(self, size: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.highway = nn.Linear(size, size)
        self.judge = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    def forward(self, vectors: Tensor) -> Tensor:
        """Returns logits (N,) of vectors (N, D)."""
        other = self.highway(vectors)
        share = other.sigmoid()
        logits: Tensor = self.judge(share * other.relu() + (1 - share) * vectors)
        return logits[:, 0]


class AlignmentAttentionTrainer(CompanionTrainer[AlignmentAttention]):
    """Trains on the task, and against discriminators of keys and queries.

    The authors' code lets the keys alone learn from the discriminators; here both do, as the paper
    says (equation 5). It counts padding; here padding has no part.
    """

    def made_companion(self, model: PreTrainedModel) -> nn.Module:
        """Returns the discriminators, one for each layer.

        Raises:
            UnsupportedModelError: the model has an encoder and a decoder.
        """
        require_one_stack("alignment-attention", model)
        family = family_of(model)
        config = family.settings_of(model.config)
        size = head_size(model)
        dropout = float(getattr(config, "attention_probs_dropout_prob", 0.0))
        layers = len(family.attention_modules(model))
        hidden = self.defense.hidden_size
        return nn.ModuleList([Discriminator(size, hidden, dropout) for _ in range(layers)])

    def defended_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains model and discriminators on a batch, and returns the sum of the losses."""
        if self.defense.weight == 0:
            return self.plain_step(model, inputs, items)
        inputs = self._prepare_inputs(inputs)
        real = inputs["attention_mask"].flatten(0, -2).bool()
        family = family_of(self.bare(model))
        modules = family.attention_modules(self.bare(model))
        seen = [_QueriesAndKeys() for _ in modules]
        companion: Any = self.companion

        def term(output: Any) -> Tensor:
            losses = [
                told_apart(
                    discriminator,
                    layer.query.to(self.precision),
                    layer.key.to(self.precision),
                    real,
                )
                for discriminator, layer in zip(companion, seen, strict=True)
            ]
            return self.defense.weight * torch.stack(losses).mean()

        with softmax_modes(modules, dict(enumerate(seen)), family.extra_keys):
            loss = self.step_with(model, inputs, items, term)
        self.train_companion()
        return loss


def told_apart(discriminator: nn.Module, query: Tensor, key: Tensor, real: Tensor) -> Tensor:
    """Computes the loss of a discriminator, which queries and keys raise, a scalar.

    Args:
        discriminator: the discriminator of a layer.
        query: the queries of its heads, (B, H, T, D).
        key: the keys of its heads, (B, heads of keys, T, D).
        real: a mask that is true at tokens and false at padding, bool (B, T).
    """
    losses = []
    for vectors, is_key in ((key, 1.0), (query, 0.0)):
        chosen = with_reversed_gradient(vectors.transpose(1, 2)[real].flatten(0, 1))
        logits = discriminator(chosen)
        truth = torch.full_like(logits, is_key)
        losses.append(binary_cross_entropy_with_logits(logits, truth))
    return torch.stack(losses).sum()


class _QueriesAndKeys(FusedMode):
    """Keeps the queries and keys of one layer, with their graph."""

    query: Tensor
    key: Tensor

    def fused(
        self, query: Tensor, key: Tensor, value: Tensor, *args: Any, **options: Any
    ) -> Tensor:
        """Computes attention as usual."""
        self.query, self.key = query, key
        return scaled_dot_product_attention(query, key, value, *args, **options)


register_defense(AlignmentAttention, AlignmentAttentionTrainer)
