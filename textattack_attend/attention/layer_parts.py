"""The parts from which the engine computes layers, some tokens at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from torch import Tensor, nn

Head = Callable[[Any, Tensor], Tensor]
Mix = Callable[[Any, Tensor, Tensor], Tensor]
Reads = Callable[[Any, Tensor], int]
Bias = Callable[[Any, int], Tensor]
Rotation = Callable[[Any, Tensor], tuple[Tensor, Tensor]]
Projected = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Projections:
    """The paths, in a layer, of its query, key and value projections.

    Queries are (..., H * d); keys and values may have fewer heads.
    """

    query: str
    key: str
    value: str

    def project(self, layer: nn.Module, inputs: Tensor) -> Projected:
        """Computes queries, keys and values of tokens, each (N, its heads * d)."""
        query, key, value = self.modules(layer)
        return query(inputs), key(inputs), value(inputs)

    def modules(self, layer: nn.Module) -> list[nn.Module]:
        """Returns the three modules of a layer."""
        return [layer.get_submodule(path) for path in (self.query, self.key, self.value)]


@dataclass(frozen=True)
class FusedProjection:
    """The path, in a layer, of one module that computes queries, keys and values, in thirds."""

    path: str

    def project(self, layer: nn.Module, inputs: Tensor) -> Projected:
        """Computes queries, keys and values of tokens, each (N, D)."""
        query, key, value = layer.get_submodule(self.path)(inputs).chunk(3, -1)
        return query, key, value


def first_token(model: Any, ids: Tensor) -> int:
    """Returns the position of the classification token, 0."""
    return 0


def last_token(model: Any, ids: Tensor) -> int:
    """Returns the position of the last token, from which a language model goes on."""
    return len(ids) - 1


def last_token_but_padding(model: Any, ids: Tensor) -> int:
    """Returns the position of the last token that is no padding token, which decoders classify.

    The end of a text may be a padding token as well; transformers' classifiers then read the token
    before it.
    """
    padding = model.config.pad_token_id
    places = [] if padding is None else (ids != padding).nonzero().flatten().tolist()
    return int(places[-1]) if places else len(ids) - 1


@dataclass(frozen=True)
class EngineParts:
    """The parts from which the engine computes the layers and the head of a model.

    A token's scores are the products of its query and the keys, scaled, with a static bias added.

    Args:
        projections: where a layer computes queries, keys and values.
        mix: a function that computes a layer's output, (N, D), from the layer, the attention
            output of some tokens, (N, H * d), and the layer's input of the same tokens, (N, D).
        head: a function that computes logits (B, C) from the classifier and the last hidden state
            of the token that it reads, (B, 1, D).
        choice_head: a function that computes the scores (B, 1) of choices from a multiple-choice
            model and the same hidden state.
        reads: a function that returns the position of the token that the head reads, from the model
            and the token ids (T,) of a text.
        norm: the path, in a layer, of the norm before the projections; empty if there is none.
        head_norms: the paths, in a layer, of the norms of each head's queries and keys.
        scale: a function that returns the factor of the products from a layer; None for one over
            the root of d.
        bias: a function that returns what is added to the scores of all texts of a length, float
            (H, T, T), from the model and T.
        rotation: a function that returns the cosines and sines, each (1, T, R), by which the first
            R numbers of queries and keys are rotated, from the model and hidden states (1, T, D).
        final_norm: the path, under the base model, of the norm between the layers and the head of a
            language model; empty if the engine cannot compute its head.
    """

    projections: Projections | FusedProjection
    mix: Mix
    head: Head
    choice_head: Head
    reads: Reads = first_token
    norm: str = ""
    head_norms: tuple[str, str] | None = None
    scale: Callable[[Any], float] | None = None
    bias: Bias | None = None
    rotation: Rotation | None = None
    final_norm: str = ""

    def inputs(self, layer: nn.Module, hidden: Tensor) -> Tensor:
        """Computes what a layer projects, (..., D), from its hidden states (..., D)."""
        if not self.norm:
            return hidden
        normed: Tensor = layer.get_submodule(self.norm)(hidden)
        return normed

    def scale_of(self, layer: nn.Module) -> float | None:
        """Returns the factor of the products of queries and keys; None for the usual one."""
        return None if self.scale is None else float(self.scale(layer))


def attribute(path: str) -> Callable[[Any], float]:
    """Returns a function that reads a number from a module of a layer."""
    return attrgetter(path)
