"""A family of models as a record: where the attention is, and what a query of it can see."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel

from ..errors import UnsupportedModelError
from ..structures import Reach

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
        extra_keys: columns that the softmax has behind those of the keys, as attention sinks; they
            are never masked.
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
    extra_keys: int = 0
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
