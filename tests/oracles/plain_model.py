"""A plain re-implementation of transformers whose attention is masked, to compare with.

It was written from the design and from transformers' modeling files. It calls nothing of the
package, and reads only the weights and the sizes of a model. It computes in double precision, one
text and one structure at a time, without padding, one attention head after the other.

A masked unit is an attention probability of exactly zero; the rest of its row is renormalised. A
row that is masked everywhere attends uniformly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf, sqrt

import torch
from torch import Tensor
from transformers import PreTrainedModel

Matrix = tuple[int, int]
"""A matrix as (layer, head)."""
Unit = tuple[int, int, int, int]
"""An attention unit as (layer, head, query, key)."""
Units = frozenset[Unit]
NOTHING: Units = frozenset()


# --- the models -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class LayerNames:
    """The parts of a transformer layer, under the path of the layer."""

    path: str
    query: str
    key: str
    value: str
    attention_out: str
    attention_norm: str
    up: str
    down: str
    norm: str


BERT_LAYER = LayerNames(
    path="encoder.layer.{}.",
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    attention_out="attention.output.dense",
    attention_norm="attention.output.LayerNorm",
    up="intermediate.dense",
    down="output.dense",
    norm="output.LayerNorm",
)
DISTILBERT_LAYER = LayerNames(
    path="transformer.layer.{}.",
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    attention_out="attention.out_lin",
    attention_norm="sa_layer_norm",
    up="ffn.lin1",
    down="ffn.lin2",
    norm="output_layer_norm",
)


def gelu(x: Tensor) -> Tensor:
    """Multiplies ``x`` by the normal distribution function at ``x``."""
    return x * (1 + torch.erf(x / sqrt(2))) / 2


@dataclass(frozen=True)
class Architecture:
    """The differences between families: names, the first position, and the head."""

    layer: LayerNames
    pooled_by: str
    activation: Callable[[Tensor], Tensor]
    classifier: str
    first_position: int = 0


ARCHITECTURES = {
    "bert": Architecture(BERT_LAYER, "bert.pooler.dense", torch.tanh, "classifier"),
    "distilbert": Architecture(DISTILBERT_LAYER, "pre_classifier", torch.relu, "classifier"),
    "electra": Architecture(BERT_LAYER, "classifier.dense", gelu, "classifier.out_proj"),
    "roberta": Architecture(
        BERT_LAYER, "classifier.dense", torch.tanh, "classifier.out_proj", first_position=2
    ),
}


@dataclass(frozen=True)
class Pass:
    """The logits (C,) of a forward pass, and the attention of every matrix, each (T, T)."""

    logits: Tensor
    probabilities: dict[Matrix, Tensor] = field(default_factory=dict)


class PlainModel:
    """The weights of a model, and its forward pass by hand."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.family = str(model.config.model_type)
        self.layers = int(model.config.num_hidden_layers)
        self.heads = int(model.config.num_attention_heads)
        self.weights: dict[str, Tensor] = {
            name: w.detach().double() for name, w in model.state_dict().items()
        }
        self.architecture = ARCHITECTURES[self.family]
        self._known: dict[tuple[tuple[int, ...], Units], Tensor] = {}

    @property
    def matrices(self) -> list[Matrix]:
        """Every matrix, as (layer, head)."""
        return [(layer, head) for layer in range(self.layers) for head in range(self.heads)]

    def logits(self, ids: Sequence[int], masked: Units = NOTHING) -> Tensor:
        """Computes the logits (C,) with these units masked, and keeps them."""
        question = (tuple(ids), masked)
        if question not in self._known:
            with torch.no_grad():
                self._known[question] = self.run(ids, masked).logits
        return self._known[question]

    def run(
        self,
        ids: Sequence[int],
        masked: Iterable[Unit] = NOTHING,
        *,
        types: Sequence[int] | None = None,
        bias: Tensor | None = None,
    ) -> Pass:
        """Runs one text with these units masked.

        Args:
            ids: the token ids, special tokens included.
            masked: the units whose probability is zero.
            types: the token types (segments); all 0 by default.
            bias: a bias that is added to the scores before the softmax, (L, H, T, T).
        """
        tokens = len(ids)
        if bias is None:
            bias = torch.zeros(self.layers, self.heads, tokens, tokens, dtype=torch.double)
        visible = visible_units(self, tokens, masked)
        probabilities: dict[Matrix, Tensor] = {}
        hidden = self._embed(ids, types)
        for layer in range(self.layers):
            hidden = self._layer(layer, hidden, visible, bias, probabilities)
        pooled = self.architecture.activation(self._linear(self.architecture.pooled_by, hidden[0]))
        return Pass(self._linear(self.architecture.classifier, pooled), probabilities)

    def _embed(self, ids: Sequence[int], types: Sequence[int] | None) -> Tensor:
        path = f"{self.family}.embeddings."
        first = self.architecture.first_position
        hidden = self.weights[f"{path}word_embeddings.weight"][list(ids)]
        positions = self.weights[f"{path}position_embeddings.weight"]
        hidden = hidden + positions[first : first + len(ids)]
        if f"{path}token_type_embeddings.weight" in self.weights:
            segments = self.weights[f"{path}token_type_embeddings.weight"]
            hidden = hidden + segments[list(types) if types else [0] * len(ids)]
        hidden = self._norm(f"{path}LayerNorm", hidden)
        projection = f"{self.family}.embeddings_project"
        return self._linear(projection, hidden) if f"{projection}.bias" in self.weights else hidden

    def _layer(
        self,
        layer: int,
        hidden: Tensor,
        visible: Tensor,
        bias: Tensor,
        probabilities: dict[Matrix, Tensor],
    ) -> Tensor:
        names = self.architecture.layer
        path = f"{self.family}.{names.path.format(layer)}"
        query, key, value = (
            self._linear(path + name, hidden).chunk(self.heads, dim=-1)
            for name in (names.query, names.key, names.value)
        )
        mixed = []
        for head in range(self.heads):
            scores = query[head] @ key[head].T / sqrt(query[head].shape[-1]) + bias[layer, head]
            probabilities[layer, head] = masked_softmax(scores, visible[layer, head])
            mixed.append(probabilities[layer, head] @ value[head])
        attended = self._linear(path + names.attention_out, torch.cat(mixed, dim=-1))
        hidden = self._norm(path + names.attention_norm, hidden + attended)
        inner = self._linear(path + names.down, gelu(self._linear(path + names.up, hidden)))
        return self._norm(path + names.norm, hidden + inner)

    def _linear(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return torch.matmul(x, weight.T) + bias

    def _norm(self, name: str, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        normed = torch.div(centred, (centred.pow(2).mean(-1, keepdim=True) + 1e-12).sqrt())
        return normed * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]


def visible_units(model: PlainModel, tokens: int, masked: Iterable[Unit]) -> Tensor:
    """Returns a tensor (L, H, T, T) with 0 at masked units and 1 elsewhere."""
    visible = torch.ones(model.layers, model.heads, tokens, tokens, dtype=torch.double)
    for unit in masked:
        visible[unit] = 0
    return visible


def masked_softmax(scores: Tensor, visible: Tensor) -> Tensor:
    """Computes the softmax of each row over its visible units; a row without any is uniform."""
    nothing_left = visible.sum(-1, keepdim=True) == 0
    scores = torch.where(nothing_left, 0.0, scores)
    visible = torch.where(nothing_left, 1.0, visible)
    highest = scores.detach().masked_fill(visible == 0, -inf).amax(-1, keepdim=True)
    weights = (scores - highest).masked_fill(visible == 0, -inf).exp()
    return weights / weights.sum(-1, keepdim=True)


@dataclass(frozen=True)
class Attention:
    """The attention of a text and the gradients of a loss, each (L, H, T, T)."""

    probabilities: Tensor
    probability_gradients: Tensor
    score_gradients: Tensor


def attention_gradients(
    model: PlainModel,
    ids: Sequence[int],
    loss: Callable[[Tensor], Tensor],
    masked: Units = NOTHING,
) -> Attention:
    """Computes gradients by autograd, at the probabilities and at a bias that scores get."""
    size = (model.layers, model.heads, len(ids), len(ids))
    bias = torch.zeros(size, dtype=torch.double, requires_grad=True)
    done = model.run(ids, masked, bias=bias)
    probabilities = [done.probabilities[matrix] for matrix in model.matrices]
    at_bias, *at_probabilities = torch.autograd.grad(loss(done.logits), [bias, *probabilities])
    return Attention(
        torch.stack(probabilities).detach().reshape(size),
        torch.stack(at_probabilities).reshape(size),
        at_bias,
    )


def everything_of(matrices: Iterable[Matrix], tokens: int) -> Units:
    """Returns every unit of these matrices."""
    return frozenset(
        (*matrix, query, key)
        for matrix in matrices
        for query in range(tokens)
        for key in range(tokens)
    )
