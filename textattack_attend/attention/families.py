"""Model families as data: where a model's attention is, and what a query of it can see.

A family is one record. To add one of your own, register it: where its layers sit under the base
model, and the attention module in a layer, which takes the softmax. With `EngineParts` the engine
computes layers itself, which is much faster; without, structures are evaluated by whole forward
passes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ..errors import InvalidInputError, UnsupportedModelError
from ..structures import Reach, Shape
from .label_words import LabelWordClassifier

BACKENDS = ("eager", "sdpa")
Head = Callable[[Any, Tensor], Tensor]
Mix = Callable[[Any, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Projections:
    """Paths in a layer of what gives (..., D) from the hidden states, (..., D)."""

    query: str
    key: str
    value: str


@dataclass(frozen=True)
class EngineParts:
    """What the engine has to know to compute the layers of an encoder that reads its first token.

    Scores must be the scaled products of queries and keys, and nothing else.

    Args:
        projections: where queries, keys and values come from.
        mix: what a layer gives, (..., D), from the layer, the attended values (..., D) of some
            tokens and the hidden states (..., D) that these tokens had before it.
        head: logits (B, C) from the classifier and the last hidden state (B, T, D).
        choice_head: the same of a model that scores choices, (B, 1).
    """

    projections: Projections
    mix: Mix
    head: Head
    choice_head: Head


def _sees_everything(config: Any) -> Sequence[Reach]:
    return ()


@dataclass(frozen=True)
class Decoder:
    """The second stack of an encoder-decoder, which reads the text shifted by a start token.

    Args:
        layers: path of the list of its layers under the base model.
        attention: path in a layer of its causal self-attention.
        cross_attention: path in a layer of its attention to the encoder.
    """

    layers: str
    attention: str
    cross_attention: str


@dataclass(frozen=True)
class Family:
    """One family of transformers.

    Args:
        model_type: ``config.model_type`` of its models.
        layers: path of the list of layers under the base model.
        attention: path in a layer of the module that takes the softmax of self-attention.
        engine: what the engine needs; None if it cannot compute these layers.
        reach: from the configuration, what a query can see in each layer; empty for everything.
        served_by: for layers that share weights: from the configuration, for each layer the
            position in the list of what computes it.
        reserved_positions: rows of the position table that no token can use.
        decoder: of an encoder-decoder. Its self-attention follows that of the encoder: layer 0 of
            the decoder is the next layer of a structure. A structure of cross-attention counts the
            decoder's layers only.
    """

    model_type: str
    layers: str
    attention: str
    engine: EngineParts | None = None
    reach: Callable[[Any], Sequence[Reach]] = _sees_everything
    served_by: Callable[[Any], Sequence[int]] | None = None
    reserved_positions: int = 0
    decoder: Decoder | None = None

    def layer_modules(self, model: PreTrainedModel) -> list[nn.Module]:
        """The layers in the order in which they run, a shared one as often as it does."""
        modules = list(_children(model, self.layers))
        if self.served_by is None:
            return modules
        return [modules[position] for position in self.served_by(model.config)]

    def all_layers(self, model: PreTrainedModel) -> list[nn.Module]:
        """Those of the decoder behind them, if there is one."""
        decoder = self.decoder
        layers = self.layer_modules(model)
        return [*layers, *_children(model, decoder.layers)] if decoder else layers

    def attention_modules(self, model: PreTrainedModel, cross: bool = False) -> list[nn.Module]:
        """The self-attention modules by layer, or those of the attention to the encoder.

        Raises:
            UnsupportedModelError: cross-attention of a model that has none.
        """
        if cross:
            decoder = self._require_decoder()
            layers = _children(model, decoder.layers)
            return [layer.get_submodule(decoder.cross_attention) for layer in layers]
        modules = [layer.get_submodule(self.attention) for layer in self.layer_modules(model)]
        if self.decoder is None:
            return modules
        layers = _children(model, self.decoder.layers)
        return modules + [layer.get_submodule(self.decoder.attention) for layer in layers]

    def reach_of(self, model: PreTrainedModel, cross: bool = False) -> tuple[Reach, ...]:
        """What a query can see, by layer; empty for everything.

        Raises:
            UnsupportedModelError: cross-attention of a model that has none.
        """
        if cross:
            self._require_decoder()
            return (Reach(decoder_queries=True),) * len(self.attention_modules(model, cross))
        if self.decoder is None:
            return tuple(self.reach(model.config))
        layers = len(self.layer_modules(model))
        decoder_layers = len(self.attention_modules(model)) - layers
        return (Reach(),) * layers + (Reach(None, 0, True, True),) * decoder_layers

    def max_tokens(self, model: PreTrainedModel) -> int:
        """The longest input the position table allows, in tokens; all where there is no table."""
        positions = getattr(model.config, "max_position_embeddings", sys.maxsize)
        return int(positions) - self.reserved_positions

    def _require_decoder(self) -> Decoder:
        if self.decoder is None:
            raise UnsupportedModelError(
                f"a {self.model_type} model, as it is used here, has no cross-attention to attack; "
                "expected an encoder-decoder that reads the text in both"
            )
        return self.decoder


def _children(model: PreTrainedModel, path: str) -> Iterator[nn.Module]:
    layers: nn.Module = model.base_model.get_submodule(path)
    return layers.children()


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
    """Causal; in layers of type "sliding_attention", or in all where there are no types, local."""
    every = ["sliding_attention"] * config.num_hidden_layers
    types = getattr(config, "layer_types", None) or every
    window = config.sliding_window
    near = Reach(None if window is None else window - 1, 0)
    return [near if kind == "sliding_attention" else Reach(None, 0) for kind in types]


def _modernbert_windows(config: Any) -> Sequence[Reach]:
    side = config.local_attention // 2
    every = config.global_attn_every_n_layers
    layers = range(config.num_hidden_layers)
    return [Reach() if layer % every == 0 else Reach(side, side) for layer in layers]


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


FAMILIES: dict[str, Family] = {}


def register_family(family: Family) -> None:
    """Make models of a family attackable.

    Raises:
        InvalidInputError: there is a family of that model type.
    """
    if family.model_type in FAMILIES:
        raise InvalidInputError(
            f"model type {family.model_type!r} is registered already; expected a new one: "
            "to replace its family, delete it from FAMILIES first"
        )
    FAMILIES[family.model_type] = family


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
    """The family of a model.

    Raises:
        UnsupportedModelError: the architecture is unknown, the attention backend takes no mask by
            head, layers differ in their heads, or the weights are float16.
    """
    family = FAMILIES.get(model.config.model_type)
    if family is None:
        raise UnsupportedModelError(
            f"model type {model.config.model_type!r} is not supported; "
            f"supported: {', '.join(sorted(FAMILIES))}"
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
    """The shape of the structures of a model, for texts of that many tokens.

    Args:
        model: of a supported family.
        tokens: of the text, special ones included.
        first_is_special: whether the first of them is.
        cross: of the attention of a decoder to its encoder, instead of self-attention.
    """
    family = family_of(model)
    layers = len(family.attention_modules(model, cross))
    heads = int(model.config.num_attention_heads)
    return Shape(layers, heads, tokens, family.reach_of(model, cross), first_is_special)
