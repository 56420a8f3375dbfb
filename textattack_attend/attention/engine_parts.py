"""The functions that compute layers and heads of families in the engine; see `EngineParts`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .layer_parts import EngineParts, Head, last_token, last_token_but_padding


def bert_mix(layer: Any, attended: Tensor, hidden: Tensor) -> Tensor:
    """Computes a layer of BERT from its attention output."""
    hidden = layer.attention.output(attended, hidden)
    mixed: Tensor = layer.output(layer.intermediate(hidden), hidden)
    return mixed


def distilbert_mix(layer: Any, attended: Tensor, hidden: Tensor) -> Tensor:
    """Computes a layer of DistilBERT from its attention output."""
    hidden = layer.sa_layer_norm(layer.attention.out_lin(attended) + hidden)
    mixed: Tensor = layer.output_layer_norm(layer.ffn(hidden) + hidden)
    return mixed


def albert_mix(group: Any, attended: Tensor, hidden: Tensor) -> Tensor:
    """Computes a layer of ALBERT, a group of one, from its attention output."""
    (layer,) = group.albert_layers
    hidden = layer.attention.LayerNorm(hidden + layer.attention.dense(attended))
    mixed: Tensor = layer.full_layer_layer_norm(layer.ff_chunk(hidden) + hidden)
    return mixed


def bert_head(model: Any, hidden: Tensor) -> Tensor:
    """Computes the logits of a classifier, or the scores of choices, behind a pooler."""
    logits: Tensor = model.classifier(model.dropout(model.base_model.pooler(hidden)))
    return logits


def plain_head(model: Any, hidden: Tensor) -> Tensor:
    """Computes the logits of a classifier that reads the last layer itself."""
    logits: Tensor = model.classifier(hidden)
    return logits


def distilbert_head(model: Any, hidden: Tensor) -> Tensor:
    """Computes the logits of a DistilBERT, or its scores of choices."""
    pooled = model.pre_classifier(hidden[:, 0]).relu()
    logits: Tensor = model.classifier(model.dropout(pooled))
    return logits


def albert_head(model: Any, hidden: Tensor) -> Tensor:
    """Computes the logits of an ALBERT, or its scores of choices."""
    base = model.albert
    pooled = base.pooler_activation(base.pooler(hidden[:, 0]))
    logits: Tensor = model.classifier(model.dropout(pooled))
    return logits


def electra_choice_head(model: Any, hidden: Tensor) -> Tensor:
    """Computes the scores of choices of an ELECTRA."""
    logits: Tensor = model.classifier(model.sequence_summary(hidden))
    return logits


# --- MPNet ---


def mpnet_mix(layer: Any, attended: Tensor, hidden: Tensor) -> Tensor:
    """Computes a layer of MPNet from its attention output."""
    attention = layer.attention
    hidden = attention.LayerNorm(attention.attn.o(attended) + hidden)
    mixed: Tensor = layer.output(layer.intermediate(hidden), hidden)
    return mixed


def mpnet_bias(model: Any, tokens: int) -> Tensor:
    """Returns the bias of MPNet, which depends on the distance of two tokens, (H, T, T)."""
    like = torch.empty(1, tokens, 1, device=model.device)
    bias: Tensor = model.base_model.encoder.compute_position_bias(like)
    return bias[0]


# --- decoders ---


def gpt2_mix(layer: Any, attended: Tensor, hidden: Tensor) -> Tensor:
    """Computes a layer of GPT-2 from its attention output."""
    hidden = hidden + layer.attn.c_proj(attended)
    mixed: Tensor = hidden + layer.mlp(layer.ln_2(hidden))
    return mixed


def llama_mix(layer: Any, attended: Tensor, hidden: Tensor) -> Tensor:
    """Computes a layer of Llama, and of families like it, from its attention output."""
    hidden = hidden + layer.self_attn.o_proj(attended)
    mixed: Tensor = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
    return mixed


def rotary(model: Any, like: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the cosines and sines of a model's rotary embedding, each (1, T, R)."""
    positions = torch.arange(like.shape[1], device=like.device)[None]
    cosines, sines = model.base_model.rotary_emb(like, positions)
    return cosines, sines


def scored_behind(final_norm: str) -> Head:
    """Returns the head of decoders that classify: a norm, then one linear layer."""

    def head(model: Any, hidden: Tensor) -> Tensor:
        logits: Tensor = model.score(model.base_model.get_submodule(final_norm)(hidden[:, 0]))
        return logits

    return head


def for_label_words(parts: EngineParts | None) -> EngineParts | None:
    """Returns parts with the head of a language model that goes on after the last token."""
    if parts is None or not parts.final_norm:
        return None

    def head(model: Any, hidden: Tensor) -> Tensor:
        normed = model.base_model.get_submodule(parts.final_norm)(hidden[:, 0])
        words: Tensor = model.log_likelihoods(model.language_model.get_output_embeddings()(normed))
        return words

    return replace(parts, head=head, choice_head=head, reads=last_token)


def decoder_parts(final_norm: str, **options: Any) -> EngineParts:
    """Returns the parts of decoders, which read the last token that is no padding."""
    head = scored_behind(final_norm)
    return EngineParts(
        head=head,
        choice_head=head,
        reads=last_token_but_padding,
        final_norm=final_norm,
        **options,
    )
