"""Plain re-implementations to compare with: masked transformers, and HackAttend on top of them.

Written from the design and from transformers' modeling files: nothing of the package is called, and
of transformers only a model's weights and sizes are read. Everything is in double precision, one
text and one structure at a time, without padding, one attention head after the other.

A masked unit is an attention probability of exactly zero; the rest of its row is renormalised. A
row that is masked everywhere attends uniformly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from math import inf, sqrt

import torch
from torch import Tensor
from transformers import PreTrainedModel

Matrix = tuple[int, int]
"""(layer, head)."""
Unit = tuple[int, int, int, int]
"""(layer, head, query, key)."""
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
    """``x`` times the normal distribution function at ``x``."""
    return x * (1 + torch.erf(x / sqrt(2))) / 2


@dataclass(frozen=True)
class Architecture:
    """What tells the families apart: names, the first position, and the head."""

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
    """Logits (C,), and the attention of every (layer, head), each (T, T)."""

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
        """Every (layer, head)."""
        return [(layer, head) for layer in range(self.layers) for head in range(self.heads)]

    def logits(self, ids: Sequence[int], masked: Units = NOTHING) -> Tensor:
        """Logits (C,) with these units masked; each answer is computed once and kept."""
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
        """One text, special tokens included, with these units masked.

        Args:
            ids: token ids.
            masked: units whose probability is zero.
            types: token types (segments); all 0 by default.
            bias: added to the scores before the softmax, (L, H, T, T).

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
    """Which units are not masked, 0 or 1, (L, H, T, T); in a row of none, all are."""
    visible = torch.ones(model.layers, model.heads, tokens, tokens, dtype=torch.double)
    for unit in masked:
        visible[unit] = 0
    return visible


def masked_softmax(scores: Tensor, visible: Tensor) -> Tensor:
    """Softmax of each row over its visible units; uniform where there is none."""
    nothing_left = visible.sum(-1, keepdim=True) == 0
    scores = torch.where(nothing_left, 0.0, scores)
    visible = torch.where(nothing_left, 1.0, visible)
    highest = scores.detach().masked_fill(visible == 0, -inf).amax(-1, keepdim=True)
    weights = (scores - highest).masked_fill(visible == 0, -inf).exp()
    return weights / weights.sum(-1, keepdim=True)


@dataclass(frozen=True)
class Attention:
    """Attention of a clean text and the gradients of a loss, each (L, H, T, T)."""

    probabilities: Tensor
    probability_gradients: Tensor
    score_gradients: Tensor


def attention_gradients(
    model: PlainModel, ids: Sequence[int], loss: Callable[[Tensor], Tensor]
) -> Attention:
    """By autograd: at the probabilities, and at a bias that is added to the scores."""
    size = (model.layers, model.heads, len(ids), len(ids))
    bias = torch.zeros(size, dtype=torch.double, requires_grad=True)
    clean = model.run(ids, bias=bias)
    probabilities = [clean.probabilities[matrix] for matrix in model.matrices]
    at_bias, *at_probabilities = torch.autograd.grad(loss(clean.logits), [bias, *probabilities])
    return Attention(
        torch.stack(probabilities).detach().reshape(size),
        torch.stack(at_probabilities).reshape(size),
        at_bias,
    )


# --- HackAttend -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Options:
    """The options of HackAttend, under the package's names and with its defaults."""

    mask_fraction: float = 0.01
    max_layers: int = 12
    max_heads: int = 12
    ranking: str = "probability_gradient"
    accumulate: bool = True
    spare_first_token: bool = True
    target_class: int | None = None


@dataclass
class Outcome:
    """What an attack found.

    Args:
        success: whether the goal was reached.
        units: the last structure tested, which of a success is the one that reached the goal.
        tried: the matrices whose candidate masks were tested, in order.
        probes: how many structures were tested for the order alone.
        margin: how far the closest of all decisions was from going the other way.

    """

    success: bool = False
    units: Units = NOTHING
    tried: list[Matrix] = field(default_factory=list)
    probes: int = 0
    margin: float = inf

    @property
    def candidate_queries(self) -> int:
        """Tested structures, the number the paper prints."""
        return len(self.tried)

    def decide(self, margin: float) -> None:
        """Note a decision and its margin."""
        self.margin = min(self.margin, margin)


def log_odds(logits: Tensor, label: int, target: int | None) -> float:
    """What the attack wants to grow, as log odds: of any wrong class, or of the target.

    They order as the probabilities do, and tell a difference of float noise from a real one.
    """
    wanted = label if target is None else target
    others = torch.cat([logits[:wanted], logits[wanted + 1 :]])
    odds = float(logits[wanted] - others.logsumexp(0))
    return -odds if target is None else odds


def reached(logits: Tensor, label: int, target: int | None) -> bool:
    """Whether the prediction is any wrong one, or the target."""
    prediction = int(logits.argmax())
    return prediction != label if target is None else prediction == target


def prediction_margin(logits: Tensor, label: int, target: int | None) -> float:
    """How far the prediction is from reaching, or missing, the goal."""
    decisive = label if target is None else target
    others = torch.cat([logits[:decisive], logits[decisive + 1 :]])
    return abs(float(logits[decisive] - others.max()))


def attackable_units(tokens: int, spare_first_token: bool) -> list[tuple[int, int]]:
    """The (query, key) pairs that may be masked, in order."""
    first = 1 if spare_first_token else 0
    return [(query, key) for query in range(first, tokens) for key in range(first, tokens)]


def ranking_scores(attention: Attention, ranking: str, matrix: Matrix) -> tuple[Tensor, Tensor]:
    """How promising the units of a matrix are, and the gradient that says so, each (T, T)."""
    probabilities = attention.probabilities[matrix]
    if ranking == "attention":
        return probabilities, torch.ones_like(probabilities)
    if ranking == "probability_gradient":
        gradient = attention.probability_gradients[matrix]
        return -gradient, gradient
    gradient = attention.score_gradients[matrix]
    if ranking == "score_gradient":
        return -gradient, gradient
    assert ranking == "first_order"
    return -gradient / (1 - probabilities), gradient


def candidate_mask(
    attention: Attention, matrix: Matrix, options: Options, outcome: Outcome
) -> Units:
    """The top ``k = max(1, floor(alpha * n))`` of the n attackable units of a matrix."""
    scores, gradient = ranking_scores(attention, options.ranking, matrix)
    units = attackable_units(len(scores), options.spare_first_token)
    if all(float(gradient[unit]) == 0 for unit in units):
        scores = attention.probabilities[matrix]
    count = max(1, int(Decimal(str(options.mask_fraction)) * len(units)))
    best_first = sorted(units, key=lambda unit: -float(scores[unit]))
    if count < len(units):
        last, next_one = (float(scores[unit]) for unit in best_first[count - 1 : count + 1])
        if not last == next_one == 0:  # a gradient of exactly zero has no noise
            scale = max(abs(float(scores[unit])) for unit in units)
            outcome.decide((last - next_one) / scale)
    return frozenset((*matrix, *unit) for unit in best_first[:count])


def everything_of(matrices: Iterable[Matrix], tokens: int) -> Units:
    """Every unit of these matrices."""
    return frozenset(
        (*matrix, query, key)
        for matrix in matrices
        for query in range(tokens)
        for key in range(tokens)
    )


class PlainHackAttend:
    """Steps 1 to 4 of the design on one text."""

    def __init__(self, model: PlainModel, ids: Sequence[int], label: int, options: Options) -> None:
        self.model = model
        self.ids = ids
        self.label = label
        self.options = options
        self.outcome = Outcome()

    def attack(self) -> Outcome:
        """Search until the goal is reached or nothing is left to try."""
        assert not self._reached(NOTHING), "the clean text reaches the goal already"
        attention = attention_gradients(self.model, self.ids, self._loss)
        masks = {
            matrix: candidate_mask(attention, matrix, self.options, self.outcome)
            for matrix in self.model.matrices
        }
        kept = NOTHING
        for matrix in self._order():
            structure = kept | masks[matrix]
            if self.options.accumulate:
                kept = structure
            self.outcome.tried.append(matrix)
            self.outcome.units = structure
            if self._reached(structure):
                self.outcome.success = True
                break
        return self.outcome

    def _order(self) -> list[Matrix]:
        """The matrices in the order of the search."""
        heads = range(self.model.heads)
        layers = self._most_important(
            [[(layer, head) for head in heads] for layer in range(self.model.layers)]
        )
        order: list[Matrix] = []
        for layer in layers[: self.options.max_layers]:
            by_head = self._most_important([[(layer, head)] for head in heads])
            order += [(layer, head) for head in by_head[: self.options.max_heads]]
        return order

    def _most_important(self, probes: Sequence[Sequence[Matrix]]) -> list[int]:
        """Positions of the probes, the one that helps most when masked first."""
        goals = [self._goal(everything_of(probe, len(self.ids))) for probe in probes]
        self.outcome.probes += len(probes)
        order = sorted(range(len(probes)), key=lambda position: -goals[position])
        for better, worse in pairwise(order):
            self.outcome.decide(goals[better] - goals[worse])
        return order

    def _loss(self, logits: Tensor) -> Tensor:
        """Cross-entropy at the label; for a target, minus the cross-entropy there."""
        log_probabilities = logits - logits.logsumexp(0)
        if self.options.target_class is None:
            return -log_probabilities[self.label]
        return log_probabilities[self.options.target_class]

    def _goal(self, structure: Units) -> float:
        logits = self.model.logits(self.ids, structure)
        return log_odds(logits, self.label, self.options.target_class)

    def _reached(self, structure: Units) -> bool:
        logits = self.model.logits(self.ids, structure)
        self.outcome.decide(prediction_margin(logits, self.label, self.options.target_class))
        return reached(logits, self.label, self.options.target_class)
