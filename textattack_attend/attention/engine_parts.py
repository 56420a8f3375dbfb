"""The functions that compute layers and heads of families in the engine; see `EngineParts`."""

from __future__ import annotations

from typing import Any

from torch import Tensor


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
