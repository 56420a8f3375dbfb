"""Softmaxes of other sizes: columns behind the keys are spared, all else is refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention, softmax

from textattack_attend.attention import (
    FAMILIES,
    forward_passes,
    masked_at_random,
    masked_attention,
    masked_where,
)
from textattack_attend.errors import UnsupportedModelError
from textattack_attend.structures import Shape, Structure

from ..conftest import HEADS, HIDDEN, LAYERS, hooks_of, tiny_model

TOKENS, ROWS = 6, 2
SHAPE = Shape(LAYERS, HEADS, TOKENS)
SINK = 0.7


def split(tensor: Tensor, dimension: int, parts: int) -> Tensor:
    """One dimension as two, of which the first one has a size."""
    found: Tensor = torch.unflatten(tensor, dimension, (parts, -1))
    return found


class Attention(nn.Module):
    """Self-attention that takes its softmax as the subclass says; put in place of BERT's own."""

    def __init__(self, own: Any) -> None:
        super().__init__()
        self.query, self.key, self.value = own.query, own.key, own.value

    def forward(self, hidden: Tensor, *arguments: Any, **named: Any) -> tuple[Tensor, None]:
        query, key, value = (
            split(project(hidden), -1, HEADS).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        attended: Tensor = self.attend(query, key, value)
        return attended.transpose(1, 2).flatten(2), None

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return softmax(self.scores(query, key), -1) @ value

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        scores: Tensor = query @ key.transpose(-1, -2) / (HIDDEN // HEADS) ** 0.5
        return scores


class WithSink(Attention):
    """A column behind the keys takes a part of the attention, as in gpt_oss."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        scores = pad(self.scores(query, key), (0, 1), value=SINK)
        return softmax(scores, -1)[..., :-1] @ value


class SummarisedKeys(Attention):
    """Every two keys are one, as in attention of low rank."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        key, value = (split(tokens, 2, TOKENS // 2).mean(3) for tokens in (key, value))
        return softmax(self.scores(query, key), -1) @ value


class FusedOverSummaries(SummarisedKeys):
    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        key, value = (split(tokens, 2, TOKENS // 2).mean(3) for tokens in (key, value))
        return scaled_dot_product_attention(query, key, value)


class Chunked(Attention):
    """Three tokens see each other: as many keys as queries, but not those of the text."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        chunks = [
            split(tokens, 2, 2).transpose(1, 2).flatten(0, 1) for tokens in (query, key, value)
        ]
        attended = softmax(self.scores(*chunks[:2]), -1) @ chunks[2]
        return split(attended, 0, len(query)).transpose(1, 2).flatten(2, 3)


class Differential(Attention):
    """The difference of two softmaxes."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        scores = self.scores(query, key)
        return (softmax(scores, -1) - 0.5 * softmax(-scores, -1)) @ value


class OfFewerHeads(Attention):
    """All heads take the mean of their scores."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return softmax(self.scores(query, key).mean(1, keepdim=True), -1) @ value


def model_with(attention: Callable[[Any], nn.Module]) -> Any:
    model: Any = tiny_model()
    for layer in model.bert.encoder.layer:
        layer.attention.self = attention(layer.attention.self)
    return model


def inputs() -> dict[str, Tensor]:
    ids = torch.tensor([[0, 5, 9, 12, 20, 2], [0, 7, 8, 30, 11, 2]])
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


@torch.no_grad()
def logits(model: Any, context: AbstractContextManager[None]) -> Tensor:
    with context:
        found: Tensor = model(**inputs()).logits
    return found


ONE = Structure.from_units(SHAPE, [(0, 1, 2, 3), (1, 3, 5, 0), (2, 2, 0, 4), (2, 2, 0, 5)])
OTHER = Structure.whole(SHAPE, [(1, 0)])
DENSE = [torch.from_numpy(ONE.dense()[layer]).expand(ROWS, -1, -1, -1) for layer in range(LAYERS)]
MASKED: dict[str, Callable[[Any], AbstractContextManager[None]]] = {
    "structures": lambda model: masked_attention(model, [ONE, OTHER]),
    "structures, padded left": lambda model: masked_attention(model, [ONE, OTHER], "left"),
    "tensors": lambda model: masked_where(model, DENSE),
    "chance": lambda model: masked_at_random(model, 0.5),
}


@pytest.fixture
def sinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """BERT declares one column behind the keys."""
    monkeypatch.setitem(FAMILIES, "bert", replace(FAMILIES["bert"], engine=None, extra_keys=1))


class MaskedSink(WithSink):
    """A plain re-implementation: units of `ONE` in the first row, of `OTHER` in the second."""

    layer = 0

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        masked = torch.stack([torch.from_numpy(s.dense()[self.layer]) for s in (ONE, OTHER)])
        return super().scores(query, key).masked_fill(masked, -torch.inf)

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        scores = pad(self.scores(query, key), (0, 1), value=SINK)
        return softmax(scores, -1)[..., :-1] @ value


def test_units_beside_a_sink_are_masked_where_they_are(sinks: None) -> None:
    """Whole rows are not compared: where all is masked, a sink takes everything or a share."""
    model, plain = model_with(WithSink), model_with(MaskedSink)
    for number, layer in enumerate(plain.bert.encoder.layer):
        layer.attention.self.layer = number
    row = slice(0, 1)  # of the other one a whole head is masked
    found = logits(model, MASKED["structures"](model))[row]
    with torch.no_grad():
        expected = plain(**inputs()).logits[row]
    clean = model(**inputs()).logits[row]
    assert (found - clean).abs().max() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_masks_of_every_kind_leave_a_sink_alone(sinks: None) -> None:
    model = model_with(WithSink)
    same = logits(model, masked_attention(model, [ONE, ONE]))
    torch.testing.assert_close(logits(model, MASKED["tensors"](model)), same)
    torch.testing.assert_close(logits(model, masked_attention(model, [ONE, ONE], "left")), same)
    clean = logits(model, masked_attention(model, []))
    assert not torch.allclose(logits(model, MASKED["chance"](model)), clean, atol=1e-3)
    assert hooks_of(model) == []


def test_what_is_captured_beside_a_sink_is_of_the_keys(sinks: None) -> None:
    model = model_with(WithSink)
    capture = forward_passes(model, inputs(), [lambda own: own[0, 0]] * ROWS)[0].capture()
    assert capture.probabilities.shape == capture.probability_gradients.shape
    assert capture.probabilities.shape == (LAYERS, HEADS, TOKENS, TOKENS)
    totals = capture.probabilities.sum(-1)
    assert totals.max() < 1.001
    assert (totals < 0.9).float().mean() > 0.1  # the sink has the rest


REFUSED = {
    WithSink: r"as many keys as queries, got scores of size \(2, 4, 6, 7\)",
    SummarisedKeys: r"as many keys as queries, got scores of size \(2, 4, 6, 3\)",
    FusedOverSummaries: r"as many keys as queries, got scores of size \(2, 4, 6, 3\)",
    Differential: "takes one softmax a call, got one that takes several",
}


@pytest.mark.parametrize("kind", MASKED)
@pytest.mark.parametrize("attention", REFUSED)
def test_a_softmax_of_another_size_is_refused(attention: type[Attention], kind: str) -> None:
    model = model_with(attention)
    clean = logits(model, masked_attention(model, []))
    with pytest.raises(UnsupportedModelError, match=REFUSED[attention]) as refused:
        logits(model, MASKED[kind](model))
    assert "\n" not in str(refused.value)
    assert hooks_of(model) == []
    assert torch.equal(logits(model, masked_attention(model, [])), clean)


@pytest.mark.parametrize("attention", [*REFUSED, Chunked, OfFewerHeads])
def test_a_softmax_of_another_size_is_not_captured(attention: type[Attention]) -> None:
    model = model_with(attention)
    with pytest.raises(UnsupportedModelError, match=r"^expected .* got "):
        forward_passes(model, inputs(), [None] * ROWS)
    assert hooks_of(model) == []


def test_chunks_are_no_texts() -> None:
    model = model_with(Chunked)
    with pytest.raises(RuntimeError, match="expected a batch of 2 rows, got 4"):
        logits(model, MASKED["structures"](model))
    with pytest.raises(UnsupportedModelError, match=r"expected masks of size \(4, 4, 3, 3\)"):
        logits(model, MASKED["tensors"](model))


def test_heads_that_share_a_softmax_are_refused() -> None:
    model = model_with(OfFewerHeads)
    with pytest.raises(UnsupportedModelError, match="4 heads and at least 6 queries, got 1 heads"):
        logits(model, MASKED["structures"](model))


def test_a_softmax_as_it_is_expected_is_masked() -> None:
    model = model_with(Attention)
    own = tiny_model()
    for kind in ("structures", "tensors"):
        found, expected = (logits(each, MASKED[kind](each)) for each in (model, own))
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
