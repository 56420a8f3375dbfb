"""The supported families of transformers, each described by one record.

`register_family` adds a family of your own. Its record says where the layers stand under the base
model, and which module of a layer takes the softmax. A record with `EngineParts` lets the engine
compute the layers, which is much faster; other families are evaluated by whole forward passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..errors import UnsupportedModelError, did_you_mean
from ..registry import Registry
from ..structures import Reach, Shape
from ..versions import is_local
from .family import Decoder, EngineParts, Family, Head, Projections
from .label_words import LabelWordClassifier

BACKENDS = ("eager", "sdpa")


def _bert_mix(layer: Any, attended: Tensor, hidden: Tensor) -> Tensor:
    hidden = layer.attention.output(attended, hidden)
    mixed: Tensor = layer.output(layer.intermediate(hidden), hidden)
    return mixed


def _distilbert_mix(layer: Any, attended: Tensor, hidden: Tensor) -> Tensor:
    hidden = layer.sa_layer_norm(layer.attention.out_lin(attended) + hidden)
    mixed: Tensor = layer.output_layer_norm(layer.ffn(hidden) + hidden)
    return mixed


def _albert_mix(group: Any, attended: Tensor, hidden: Tensor) -> Tensor:
    (layer,) = group.albert_layers
    hidden = layer.attention.LayerNorm(hidden + layer.attention.dense(attended))
    mixed: Tensor = layer.full_layer_layer_norm(layer.ff_chunk(hidden) + hidden)
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


def _albert_head(model: Any, hidden: Tensor) -> Tensor:
    base = model.albert
    pooled = base.pooler_activation(base.pooler(hidden[:, 0]))
    logits: Tensor = model.classifier(model.dropout(pooled))
    return logits


def _electra_choice_head(model: Any, hidden: Tensor) -> Tensor:
    logits: Tensor = model.classifier(model.sequence_summary(hidden))
    return logits


def _albert_groups(config: Any) -> Sequence[int]:
    if config.inner_group_num != 1:
        raise UnsupportedModelError(
            f"expected an ALBERT with 1 layer a group, got {config.inner_group_num}"
        )
    layers_of_a_group = config.num_hidden_layers / config.num_hidden_groups
    return [int(layer / layers_of_a_group) for layer in range(config.num_hidden_layers)]


def _earlier_tokens(config: Any) -> Sequence[Reach]:
    return [Reach(None, 0)] * config.num_hidden_layers


def _sliding_window(config: Any) -> Sequence[Reach]:
    """Returns causal reaches, local in layers of type "sliding_attention", or in all untyped."""
    every = ["sliding_attention"] * config.num_hidden_layers
    types = getattr(config, "layer_types", None) or every
    window = config.sliding_window
    near = Reach(None if window is None else window - 1, 0)
    return [near if kind == "sliding_attention" else Reach(None, 0) for kind in types]


def _modernbert_windows(config: Any) -> Sequence[Reach]:
    side = config.local_attention // 2
    return [Reach(side, side) if local else Reach() for local in is_local(config)]


def _projections(path: str) -> Projections:
    return Projections(*(path.format(name) for name in ("query", "key", "value")))


def _bert_like(
    model_type: str, head: Head, choice_head: Head = _bert_head, reserved_positions: int = 0
) -> Family:
    return Family(
        model_type,
        layers="encoder.layer",
        attention="attention.self",
        engine=EngineParts(_projections("attention.self.{}"), _bert_mix, head, choice_head),
        reserved_positions=reserved_positions,
    )


def _decoder(
    model_type: str,
    reach: Callable[[Any], Sequence[Reach]] = _earlier_tokens,
    layers: str = "layers",
    attention: str = "self_attn",
) -> Family:
    return Family(model_type, layers=layers, attention=attention, reach=reach)


def _encoder_decoder(model_type: str, layers: str, attention: str, cross_attention: str) -> Family:
    decoder = Decoder(f"decoder.{layers}", attention, cross_attention)
    return Family(model_type, layers=f"encoder.{layers}", attention=attention, decoder=decoder)


FAMILIES: Registry[Family] = Registry("model type")


def register_family(family: Family) -> None:
    """Registers a family, so that its models can be attacked.

    Raises:
        InvalidInputError: a family of that model type is registered already.
    """
    FAMILIES.register(family.model_type, family)


for _family in (
    _bert_like("bert", _bert_head),
    _bert_like("electra", _plain_head, _electra_choice_head),
    # The positions of these start behind the padding index, 1.
    _bert_like("camembert", _plain_head, reserved_positions=2),
    _bert_like("roberta", _plain_head, reserved_positions=2),
    _bert_like("xlm-roberta", _plain_head, reserved_positions=2),
    Family(
        "distilbert",
        layers="transformer.layer",
        attention="attention",
        engine=EngineParts(
            Projections("attention.q_lin", "attention.k_lin", "attention.v_lin"),
            _distilbert_mix,
            _distilbert_head,
            _distilbert_head,
        ),
    ),
    Family(
        "albert",
        layers="encoder.albert_layer_groups",
        attention="albert_layers.0.attention",
        engine=EngineParts(
            _projections("albert_layers.0.attention.{}"), _albert_mix, _albert_head, _albert_head
        ),
        served_by=_albert_groups,
    ),
    # Their scores depend on the distance of two tokens, which the engine does not compute.
    Family("deberta", layers="encoder.layer", attention="attention.self"),
    Family("deberta-v2", layers="encoder.layer", attention="attention.self"),
    Family("mpnet", layers="encoder.layer", attention="attention.attn", reserved_positions=2),
    Family("modernbert", layers="layers", attention="attn", reach=_modernbert_windows),
    _encoder_decoder("bart", "layers", "self_attn", "encoder_attn"),
    _encoder_decoder("t5", "block", "layer.0.SelfAttention", "layer.1.EncDecAttention"),
    _decoder("gemma"),
    _decoder("gpt2", layers="h", attention="attn"),
    _decoder("llama"),
    _decoder("mistral", _sliding_window),
    _decoder("opt", layers="decoder.layers"),
    _decoder("qwen2", _sliding_window),
):
    register_family(_family)


def family_of(model: PreTrainedModel) -> Family:
    """Returns the family of a model.

    Raises:
        UnsupportedModelError: the architecture is unknown, the attention backend takes no mask by
            head, layers differ in their heads, or the weights are float16.
    """
    family = FAMILIES.get(model.config.model_type)
    if family is None:
        raise UnsupportedModelError(
            f"model type {model.config.model_type!r} is not supported; "
            f"supported: {', '.join(sorted(FAMILIES))}"
            f"{did_you_mean(model.config.model_type, FAMILIES)}"
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
    heads = model.config.num_attention_heads
    decoder_heads = getattr(model.config, "decoder_attention_heads", heads)
    if getattr(model.config, "pruned_heads", None) or decoder_heads != heads:
        raise UnsupportedModelError(
            "the layers of the model differ in their heads (some were pruned, or the decoder has "
            "another number); expected the same everywhere"
        )
    if isinstance(model, LabelWordClassifier):  # its decoder reads nothing but the start token
        return replace(family, engine=None, decoder=None)
    return family


def shape_of(
    model: PreTrainedModel, tokens: int, first_is_special: bool = True, cross: bool = False
) -> Shape:
    """Returns the shape of a model's structures for texts of that many tokens.

    Args:
        model: a model of a supported family.
        tokens: the number of tokens of the text, special tokens included.
        first_is_special: whether the first token is a special one.
        cross: whether the structures mask a decoder's attention to its encoder, instead of
            self-attention.
    """
    family = family_of(model)
    layers = len(family.attention_modules(model, cross))
    heads = int(model.config.num_attention_heads)
    return Shape(layers, heads, tokens, family.reach_of(model, cross), first_is_special)
