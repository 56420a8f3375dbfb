"""The record that describes a family of models: where its attention is, what its queries see."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from ..errors import UnsupportedModelError
from ..structures import Reach
from .layer_parts import EngineParts


def _sees_everything(config: Any) -> Sequence[Reach]:
    return ()


@dataclass(frozen=True)
class Decoder:
    """The second stack of an encoder-decoder, which reads the text shifted by a start token.

    Args:
        layers: the path of the list of its layers under the base model.
        attention: the path, in a layer, of its causal self-attention.
        cross_attention: the path, in a layer, of its attention to the encoder.
    """

    layers: str
    attention: str
    cross_attention: str


@dataclass(frozen=True)
class Family:
    """One family of transformers.

    Args:
        model_type: the ``config.model_type`` of its models.
        layers: the path of the list of layers under the base model.
        attention: the path, in a layer, of the module that takes the softmax of self-attention.
        engine: the parts that the engine needs; None if it cannot compute these layers.
        reach: a function that takes the configuration and returns what a query can see in each
            layer; an empty result stands for everything.
        served_by: for families whose layers share weights, a function that takes the configuration
            and returns, for each layer, the position in the list of the module that computes it.
        reserved_positions: the number of rows of the position table that no token can use.
        extra_keys: the number of columns, such as attention sinks, that the softmax has behind
            those of the keys; they are never masked.
        decoder: the decoder of an encoder-decoder. Its self-attention follows that of the encoder:
            layer 0 of the decoder is the next layer of a structure. A structure of cross-attention
            counts the decoder's layers only.
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
        """Returns the layers in the order in which they run; a shared one occurs several times."""
        modules = list(_children(model, self.layers))
        if self.served_by is None:
            return modules
        return [modules[position] for position in self.served_by(model.config)]

    def all_layers(self, model: PreTrainedModel) -> list[nn.Module]:
        """Returns the layers in the order in which they run, those of a decoder last."""
        decoder = self.decoder
        layers = self.layer_modules(model)
        return [*layers, *_children(model, decoder.layers)] if decoder else layers

    def attention_modules(self, model: PreTrainedModel, cross: bool = False) -> list[nn.Module]:
        """Returns the self-attention modules by layer, or those of the attention to the encoder.

        Raises:
            UnsupportedModelError: cross-attention is asked of a model that has none.
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
        """Returns what a query can see in each layer; an empty tuple stands for everything.

        Raises:
            UnsupportedModelError: cross-attention is asked of a model that has none.
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
        """Returns the most tokens that the position table allows; all where there is no table."""
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
