"""The record that describes a family of models: where its attention is, what its queries see."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from ..errors import UnsupportedModelError
from ..structures import Reach
from ..versions import installed
from .layer_parts import EngineParts


def _sees_everything(config: Any) -> Sequence[Reach]:
    return ()


def _never(config: Any) -> bool:
    return False


def _num_attention_heads(config: Any) -> int:
    return int(config.num_attention_heads)


def _num_decoder_heads(config: Any) -> int:
    return int(getattr(config, "decoder_attention_heads", config.num_attention_heads))


@dataclass(frozen=True)
class Decoder:
    """The second stack of an encoder-decoder, which reads the text shifted by a start token.

    Args:
        layers: the path of the list of its layers under the base model.
        attention: the path, in a layer, of its causal self-attention.
        cross_attention: the path, in a layer, of its attention to the encoder.
        settings: the field of the configuration that holds the decoder's own one; None if there is
            but one configuration.
        heads: a function that takes the configuration and returns the number of heads of a layer.
        reach: a function that takes the configuration and returns what a query can see in each
            layer; an empty result stands for itself and all tokens before.
    """

    layers: str
    attention: str
    cross_attention: str
    settings: str | None = None
    heads: Callable[[Any], int] = _num_decoder_heads
    reach: Callable[[Any], Sequence[Reach]] = _sees_everything

    def reaches(self, config: Any, layers: int) -> list[Reach]:
        """Returns what a query of each of so many layers can see of the decoder's tokens."""
        own = self.reach(_part(config, self.settings)) or [Reach(None, 0)] * layers
        return [Reach(one.before, one.after, True, True) for one in own]


def _part(config: Any, field: str | None) -> Any:
    return config if field is None else getattr(config, field)


@dataclass(frozen=True)
class Family:
    """One family of transformers.

    Args:
        model_type: the ``config.model_type`` of its models.
        layers: the path of the list of layers under the base model.
        attention: the path, in a layer, of the module that takes the softmax of self-attention.
        engine: the parts that the engine needs; None if it cannot compute these layers.
        kind: the kind of its models: "encoder", "decoder" or "encoder-decoder".
        reach: a function that takes the configuration and returns what a query can see in each
            layer; an empty result stands for everything.
        served_by: for families whose layers share weights, a function that takes the configuration
            and returns, for each layer, the position in the list of the module that computes it. No
            layer of such a family is left out of a forward pass.
        reserved_positions: the number of rows of the position table that no token can use.
        extra_keys: the number of columns, such as attention sinks, that the softmax has behind
            those of the keys; they are never masked.
        settings: the field of the configuration that describes these layers; None if the
            configuration itself does.
        heads: a function that takes the configuration and returns the number of heads of a layer.
        limits: the fields of the configuration that say how many tokens a text may have.
        is_hybrid: whether the layers without the attention module have no attention, and are left
            out; otherwise such a layer is an error.
        feels_padding: a function that takes the configuration and returns whether padding changes
            the results of transformers itself; then only texts of one length share a batch.
        since: the first version of transformers that the record fits, as "5.0"; empty if every
            version does that this package allows.
        decoder: the decoder of an encoder-decoder. Its self-attention follows that of the encoder:
            layer 0 of the decoder is the next layer of a structure. A structure of cross-attention
            counts the decoder's layers only.
    """

    model_type: str
    layers: str
    attention: str
    engine: EngineParts | None = None
    kind: str = "encoder"
    reach: Callable[[Any], Sequence[Reach]] = _sees_everything
    served_by: Callable[[Any], Sequence[int]] | None = None
    reserved_positions: int = 0
    extra_keys: int = 0
    decoder: Decoder | None = None
    settings: str | None = None
    heads: Callable[[Any], int] = _num_attention_heads
    limits: tuple[str, ...] = ("max_position_embeddings",)
    is_hybrid: bool = False
    feels_padding: Callable[[Any], bool] = _never
    since: str = ""

    def settings_of(self, config: Any) -> Any:
        """Returns the part of a configuration that describes the layers."""
        return _part(config, self.settings)

    @property
    def can_call_layers(self) -> bool:
        """True if each layer has attention inside, and reads only what the one below it gives.

        A decoder's layers also read what the encoder gives.
        """
        return self.served_by is None and bool(self.attention) and not self.is_hybrid

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
            return _submodules(layers, decoder.cross_attention)
        modules = _submodules(self.layer_modules(model), self.attention, self.is_hybrid)
        if self.decoder is None:
            return modules
        layers = _children(model, self.decoder.layers)
        return modules + _submodules(layers, self.decoder.attention)

    def reach_of(self, model: PreTrainedModel, cross: bool = False) -> tuple[Reach, ...]:
        """Returns what a query can see in each layer; an empty tuple stands for everything.

        Raises:
            UnsupportedModelError: cross-attention is asked of a model that has none.
        """
        if cross:
            self._require_decoder()
            return (Reach(decoder_queries=True),) * len(self.attention_modules(model, cross))
        own = tuple(self.reach(self.settings_of(model.config)))
        if self.decoder is None:
            return own
        layers = len(self.layer_modules(model))
        decoder_layers = len(self.attention_modules(model)) - layers
        own = own or (Reach(),) * layers
        return (*own, *self.decoder.reaches(model.config, decoder_layers))

    def num_heads(self, model: PreTrainedModel) -> int:
        """Returns the number of heads of a layer.

        Raises:
            UnsupportedModelError: the encoder and the decoder have different numbers.
        """
        heads = self.heads(self.settings_of(model.config))
        if self.decoder is None:
            return heads
        of_decoder = self.decoder.heads(_part(model.config, self.decoder.settings))
        if of_decoder != heads:
            raise UnsupportedModelError(
                f"expected an encoder and a decoder with the same number of heads, got {heads} and "
                f"{of_decoder}"
            )
        return heads

    def max_tokens(self, config: Any) -> int:
        """Returns the most tokens that a configuration allows a text; all where it has no limit."""
        own = self.settings_of(config)
        limits = [int(getattr(own, name, None) or sys.maxsize) for name in self.limits]
        return min(limits, default=sys.maxsize) - self.reserved_positions

    def _require_decoder(self) -> Decoder:
        if self.decoder is None:
            raise UnsupportedModelError(
                f"a {self.model_type} model, as it is used here, has no cross-attention to attack; "
                "expected an encoder-decoder that reads the text in both"
            )
        return self.decoder


def _children(model: PreTrainedModel, path: str) -> Iterator[nn.Module]:
    return _submodule(model.base_model, path).children()


def _submodules(
    layers: Iterable[nn.Module], path: str, only_those_with_it: bool = False
) -> list[nn.Module]:
    return [
        _submodule(layer, path)
        for layer in layers
        if not only_those_with_it or hasattr(layer, path.split(".")[0])
    ]


def _submodule(module: nn.Module, path: str) -> nn.Module:
    try:
        return module.get_submodule(path)
    except AttributeError:
        raise UnsupportedModelError(
            f"expected a {type(module).__name__} with a part {path!r}, as transformers "
            f"{installed()} has it for models of this type; got one without: its code "
            "is another, for which a family of its own can be registered"
        ) from None
