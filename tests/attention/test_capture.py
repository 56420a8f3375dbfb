"""Captured attention and its gradients, against autograd on the plain models."""

from __future__ import annotations

import copy
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import BatchEncoding
from transformers.utils import logging as transformers_logging

from textattack_attend.attention import forward_passes
from textattack_attend.attention.capture import AttentionCapture, Loss
from textattack_attend.victims.victim import Victim

from ..conftest import (
    COMBINATIONS,
    HEADS,
    LABELS,
    LAYERS,
    MakeVictim,
    hooks_of,
    random_texts,
    tiny_model,
)
from ..oracles.plain_model import Attention, PlainModel, attention_gradients

TEXT = "the actor was never dull"
TOKENS = 7


@cache
def plain_model(family: str) -> PlainModel:
    return PlainModel(tiny_model(family))


def loss_at(label: int) -> Loss:
    return lambda logits: cross_entropy(logits, torch.tensor([label]))


def plain_attention(victim: Victim, text: str, label: int) -> Attention:
    ids = victim.tokenizer(text)["input_ids"]
    model = plain_model(victim.model.config.model_type)
    return attention_gradients(model, ids, lambda logits: logits.logsumexp(0) - logits[label])


def assert_close(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    """Relative to the largest number."""
    scale = float(expected.abs().max())
    assert scale > 1e-3  # a gradient of nothing would prove nothing
    actual = actual.double() / scale
    torch.testing.assert_close(actual, expected / scale, rtol=0, atol=tolerance)


def inputs_of(victim: Victim, text: str = TEXT) -> BatchEncoding:
    inputs: BatchEncoding = victim.tokenizer([text], return_tensors="pt")
    return inputs


def assert_captures_equal(one: AttentionCapture, other: AttentionCapture) -> None:
    assert torch.equal(one.probabilities, other.probabilities)
    assert torch.equal(one.probability_gradients, other.probability_gradients)


def assert_equals_plain(capture: AttentionCapture, plain: Attention, tolerance: float) -> None:
    assert_close(capture.probabilities, plain.probabilities, tolerance)
    assert_close(capture.probability_gradients, plain.probability_gradients, tolerance)
    assert_close(capture.score_gradients, plain.score_gradients, tolerance)


@pytest.mark.parametrize("label", range(LABELS))
def test_a_capture_equals_plain_autograd(victim: Victim, label: int) -> None:
    """Score gradients too: autograd takes them at a bias that is added to the scores."""
    for text in random_texts(3):
        capture = victim.capture(text, loss_at(label))
        assert_equals_plain(capture, plain_attention(victim, text, label), tolerance=3e-4)


@pytest.mark.parametrize(("family", "backend"), COMBINATIONS)
def test_in_double_precision_a_capture_equals_plain_autograd_to_ten_digits(
    make_victim: MakeVictim, family: str, backend: str
) -> None:
    victim = make_victim(family, backend)
    nn.Module.to(victim.model, torch.double)
    for label, text in enumerate(random_texts(LABELS)):
        (done,) = forward_passes(victim.model, inputs_of(victim, text), [loss_at(label)])
        capture = done.capture()
        assert_equals_plain(capture, plain_attention(victim, text, label), tolerance=1e-10)


def test_score_gradients_are_the_slope_of_the_loss() -> None:
    """The plain autograd itself, against the plain model at two biases."""
    model, ids, step = plain_model("bert"), [0, 5, 9, 13, 2], 1e-4
    gradients = attention_gradients(model, ids, lambda logits: logits[1]).score_gradients
    for unit in [(0, 1, 2, 3), (1, 3, 0, 4), (2, 0, 0, 1)]:
        bias = torch.zeros(LAYERS, HEADS, 5, 5, dtype=torch.double)
        bias[unit] = step
        ahead, behind = (float(model.run(ids, bias=b).logits[1]) for b in (bias, -bias))
        slope = (ahead - behind) / (2 * step)
        assert abs(slope) > 1e-6
        assert slope == pytest.approx(float(gradients[unit]), rel=1e-5)


def test_a_capture_has_a_row_that_sums_to_one_for_every_query(victim: Victim) -> None:
    capture = victim.capture(TEXT, None)
    assert capture.probabilities.shape == (LAYERS, HEADS, TOKENS, TOKENS)
    sums = capture.probabilities.sum(-1)
    torch.testing.assert_close(sums, torch.ones_like(sums))


def test_without_a_loss_there_are_no_gradients(victim: Victim) -> None:
    capture = victim.capture(TEXT, None)
    assert torch.equal(capture.probabilities, victim.capture(TEXT, loss_at(0)).probabilities)
    with pytest.raises(RuntimeError, match="without a loss"):
        _ = capture.score_gradients


def test_a_capture_leaves_the_model_as_it_was(victim: Victim) -> None:
    """Weights, gradients, hooks, and the logits bit for bit."""
    weights = copy.deepcopy(victim.model.state_dict())
    clean = victim.logits([TEXT])
    verbosity = transformers_logging.get_verbosity()
    first, second = (victim.capture(TEXT, loss_at(1)) for _ in range(2))
    assert_captures_equal(first, second)
    assert hooks_of(victim.model) == []
    assert all(parameter.grad is None for parameter in victim.model.parameters())
    assert all(torch.equal(w, weights[name]) for name, w in victim.model.state_dict().items())
    assert torch.equal(victim.logits([TEXT]), clean)
    assert transformers_logging.get_verbosity() == verbosity


def test_a_captured_tensor_holds_no_graph(victim: Victim) -> None:
    capture = victim.capture(TEXT, loss_at(0))
    assert not capture.probabilities.requires_grad
    assert not capture.probability_gradients.requires_grad


@pytest.mark.parametrize(("family", "backend"), COMBINATIONS)
def test_a_frozen_model_gives_the_same_capture_and_stays_frozen(
    make_victim: MakeVictim, family: str, backend: str
) -> None:
    victim = make_victim(family, backend)
    expected = victim.capture(TEXT, loss_at(1))
    victim.model.requires_grad_(False)
    assert_captures_equal(victim.capture(TEXT, loss_at(1)), expected)
    assert hooks_of(victim.model) == []
    assert not any(parameter.requires_grad for parameter in victim.model.parameters())


@pytest.mark.parametrize(
    "frozen", [("bert",), ("bert.embeddings", "bert.encoder.layer.0")], ids=str
)
def test_a_partly_frozen_model_gives_the_same_capture(
    make_victim: MakeVictim, frozen: tuple[str, ...]
) -> None:
    victim = make_victim("bert")
    expected = victim.capture(TEXT, loss_at(1))
    for name, parameter in victim.model.named_parameters():
        parameter.requires_grad_(not name.startswith(frozen))
    assert_captures_equal(victim.capture(TEXT, loss_at(1)), expected)
    assert hooks_of(victim.model) == []


@pytest.mark.parametrize("frozen", [False, True])
def test_nothing_is_left_after_a_loss_that_raises(make_victim: MakeVictim, frozen: bool) -> None:
    def broken(logits: Tensor) -> Tensor:
        raise ZeroDivisionError

    victim = make_victim()
    victim.model.requires_grad_(not frozen)
    clean, verbosity = victim.logits([TEXT]), transformers_logging.get_verbosity()
    with pytest.raises(ZeroDivisionError):
        forward_passes(victim.model, inputs_of(victim), [broken])
    assert hooks_of(victim.model) == []
    assert transformers_logging.get_verbosity() == verbosity
    assert torch.equal(victim.logits([TEXT]), clean)
    assert torch.is_grad_enabled()


def test_a_capture_works_where_gradients_are_switched_off(victim: Victim) -> None:
    expected = victim.capture(TEXT, loss_at(2))
    with torch.no_grad():
        capture = victim.capture(TEXT, loss_at(2))
    assert_captures_equal(capture, expected)
