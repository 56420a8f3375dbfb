"""Model families as data: where the attention modules are and where their mask arrives.

A family is one record. To add one: where its layers sit under the base model and their
self-attention in them, the name under which the mask reaches it, where its queries, keys and values
come from, what a layer does with the attended values, and how its head turns the last hidden state
into logits; if the eager path takes a 0/1 mask, which cannot differ by head, also the submodule
that is handed the attention probabilities.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ..errors import UnsupportedModelError
from ..structures import Shape

BACKENDS = ("eager", "sdpa")
Head = Callable[[Any, Tensor], Tensor]
Mix = Callable[[Any, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Projections:
    """Submodules of an attention module that give (..., D) from the hidden states, (..., D)."""

    query: str
    key: str
    value: str


@dataclass(frozen=True)
class Family:
    """One family of transformers.

    Args:
        model_type: ``config.model_type`` of its models.
        layers: path of the list of layers under the base model.
        attention: path of the self-attention module in a layer.
        mask_argument: keyword under which the mask reaches that module.
        projections: where queries, keys and values come from.
        mix: what a layer gives, (..., D), from the layer, the attended values (..., D) of some
            tokens and the hidden states (..., D) that these tokens had before it.
        head: logits (B, C) from the classifier and the last hidden state (B, T, D).
        zero_one_mask_probabilities: only for a family whose eager path takes a mask of 0 and 1,
            (B, T), which cannot differ by head: the submodule of the attention module that is
            handed the probabilities, (B, H, T, T), before they weigh the values.
        reserved_positions: rows of the position table that no token can use.
    """

    model_type: str
    layers: str
    attention: str
    mask_argument: str
    projections: Projections
    mix: Mix
    head: Head
    zero_one_mask_probabilities: str | None = None
    reserved_positions: int = 0

    def layer_modules(self, model: PreTrainedModel) -> list[nn.Module]:
        """The layers; each takes hidden states (B, T, D) and a mask."""
        return list(model.base_model.get_submodule(self.layers).children())

    def attention_modules(self, model: PreTrainedModel) -> list[nn.Module]:
        """The self-attention modules, by layer."""
        return [layer.get_submodule(self.attention) for layer in self.layer_modules(model)]

    def max_tokens(self, model: PreTrainedModel) -> int:
        """The longest input the position table allows, in tokens."""
        return int(model.config.max_position_embeddings) - self.reserved_positions


def _bert_mix(layer: Any, attended: Tensor, hidden: Tensor) -> Tensor:
    hidden = layer.attention.output(attended, hidden)
    mixed: Tensor = layer.output(layer.intermediate(hidden), hidden)
    return mixed


def _distilbert_mix(layer: Any, attended: Tensor, hidden: Tensor) -> Tensor:
    hidden = layer.sa_layer_norm(layer.attention.out_lin(attended) + hidden)
    mixed: Tensor = layer.output_layer_norm(layer.ffn(hidden) + hidden)
    return mixed


def _bert_head(model: Any, hidden: Tensor) -> Tensor:
    logits: Tensor = model.classifier(model.dropout(model.base_model.pooler(hidden)))
    return logits


def _plain_head(model: Any, hidden: Tensor) -> Tensor:
    logits: Tensor = model.classifier(hidden)
    return logits


def _distilbert_head(model: Any, hidden: Tensor) -> Tensor:
    pooled = model.pre_classifier(hidden[:, 0]).relu()
    logits: Tensor = model.classifier(model.dropout(pooled))
    return logits


def _bert_like(model_type: str, head: Head, reserved_positions: int = 0) -> Family:
    return Family(
        model_type,
        layers="encoder.layer",
        attention="attention.self",
        mask_argument="attention_mask",
        projections=Projections("query", "key", "value"),
        mix=_bert_mix,
        head=head,
        reserved_positions=reserved_positions,
    )


FAMILIES = {
    family.model_type: family
    for family in (
        _bert_like("bert", _bert_head),
        Family(
            "distilbert",
            layers="transformer.layer",
            attention="attention",
            mask_argument="mask",
            projections=Projections("q_lin", "k_lin", "v_lin"),
            mix=_distilbert_mix,
            head=_distilbert_head,
            zero_one_mask_probabilities="dropout",
        ),
        _bert_like("electra", _plain_head),
        # Its positions start behind the padding index, 1.
        _bert_like("roberta", _plain_head, reserved_positions=2),
    )
}


def family_of(model: PreTrainedModel) -> Family:
    """The family of a model.

    Raises:
        UnsupportedModelError: the architecture is unknown, the attention backend takes no mask by
            head, heads were pruned, or the weights are float16.
    """
    family = FAMILIES.get(model.config.model_type)
    if family is None:
        raise UnsupportedModelError(
            f"model type {model.config.model_type!r} is not supported; "
            f"supported: {', '.join(FAMILIES)}"
        )
    backend = model.config._attn_implementation
    if backend not in BACKENDS:
        raise UnsupportedModelError(
            f"attention backend {backend!r} takes no mask by head; load the model with "
            f"attn_implementation set to one of: {', '.join(BACKENDS)}"
        )
    if model.dtype == torch.float16:
        raise UnsupportedModelError(
            "float16 is too short to tell a fully masked row from padding; load the model with "
            "dtype float32 or bfloat16"
        )
    if getattr(model.config, "pruned_heads", None):
        raise UnsupportedModelError(
            "the model has pruned heads, so its layers differ; expected the same heads everywhere"
        )
    return family


def shape_of(model: PreTrainedModel, tokens: int) -> Shape:
    """The shape of the structures of a model, for texts of that many tokens."""
    config = model.config
    return Shape(int(config.num_hidden_layers), int(config.num_attention_heads), tokens)
