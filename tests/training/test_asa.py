"""ASA: a step by hand, the adversary's aims, and what has no part in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pad

from textattack_attend.attention import masked_where
from textattack_attend.errors import InvalidInputError, UnsupportedModelError
from textattack_attend.training.defenses import ASA, defense_of

from ..conftest import hooks_of, tiny_model
from ..helpers.defense_steps import BACKENDS, batch, gradients_of, trainer, without_dropout
from ..helpers.tiny_families import tiny


def gradient_of(network: torch.nn.Module) -> list[Tensor]:
    return [w.grad.clone() for w in network.parameters() if w.grad is not None]


def stronger(training: Any) -> None:
    """Makes the adversaries' scores large, so that no unit is close to being masked or not."""
    with torch.no_grad():
        for weight in training.companion.parameters():
            weight.copy_(torch.randn_like(weight) if weight.ndim > 1 else 0.3 * weight)


def symmetric(first: Tensor, second: Tensor) -> Tensor:
    p, q = first.softmax(-1), second.softmax(-1)
    return 0.5 * ((p - q) * (p.log() - q.log())).sum(-1).mean()


@pytest.mark.parametrize(("family", "backend"), BACKENDS)
def test_a_step_by_hand(family: str, backend: str, tmp_path: Path, vocabulary: Path) -> None:
    """The model learns the clean text and the divergence under masks that are given to it."""
    torch.manual_seed(0)
    model: Any = without_dropout(tiny_model(family, backend))
    training: Any = trainer(ASA(), model, tmp_path, vocabulary)
    stronger(training)
    adversaries = [one.requires_grad_(False) for one in training.companion]
    inputs = batch()
    loss = training.training_step(model, dict(inputs))
    found = gradients_of(model)
    assert hooks_of(model) == []

    model.zero_grad()
    layers = model.config.num_hidden_layers
    masks: list[Tensor] = []
    for layer in range(layers):  # a layer's states depend on the masks of the layers below
        with torch.no_grad(), masked_where(model, masks):
            states = model(**inputs, output_hidden_states=True).hidden_states
        is_open = adversaries[layer](states[layer])
        closed = (is_open == 0)[:, None].expand(-1, model.config.num_attention_heads, -1, -1)
        padding = ~inputs["attention_mask"].bool()[:, None, None]
        masks.append(closed & ~(closed | padding).all(-1, keepdim=True))  # such a row keeps all
    assert 0.02 < torch.stack(masks).float().mean() < 0.98
    clean = model(**inputs).logits
    with masked_where(model, masks):
        masked = model(**inputs).logits
    expected: Any = cross_entropy(clean, inputs["labels"]) + symmetric(clean, masked)
    expected.backward()
    assert float(loss) == pytest.approx(float(expected), abs=1e-4)
    for name, gradient in gradients_of(model).items():
        torch.testing.assert_close(found[name], gradient, atol=1e-4, rtol=1e-2)


def test_the_adversary_pays_for_masked_units(tmp_path: Path, vocabulary: Path) -> None:
    """The gradient is that of the price alone where the model answers alike under every mask."""
    model: Any = without_dropout(tiny_model("bert"))
    with torch.no_grad():
        model.classifier.weight.zero_()  # every answer is the same: the divergence is zero
    training: Any = trainer(ASA(temperature=0.5), model, tmp_path, vocabulary)
    training._optimizer.zero_grad = lambda: None
    before = [weight.detach().clone() for weight in training.companion.parameters()]
    inputs = batch()
    training.training_step(model, dict(inputs))
    found = gradient_of(training.companion[0])

    adversary = training.companion[0]
    with torch.no_grad():
        for weight, own in zip(training.companion.parameters(), before, strict=True):
            weight.copy_(own)
        states = model(**inputs, output_hidden_states=True).hidden_states[0]
    adversary.zero_grad()
    real = inputs["attention_mask"].bool()
    units = real[:, :, None] & real[:, None, :]
    size = model.config.hidden_size
    scores = adversary.query(states) @ adversary.key(states).transpose(-1, -2) / size**0.5
    reward = 0.25 * (scores.sigmoid() * units).sum() / 3  # of open units, a text
    loss: Any = -reward
    loss.backward()
    for one, other in zip(found, gradient_of(adversary), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-3)


def test_the_adversary_learns_to_open_what_it_gains_nothing_from(
    tmp_path: Path, vocabulary: Path
) -> None:
    model: Any = without_dropout(tiny_model("bert"))
    training: Any = trainer(ASA(), model, tmp_path, vocabulary)
    with torch.no_grad():
        model.classifier.weight.zero_()
        states = model(**batch(), output_hidden_states=True).hidden_states[0]
        before = float(training.companion[0](states).mean())
        for group in training._optimizer.param_groups:
            group["lr"] = 0.01
    for _ in range(30):
        training.training_step(model, batch())
    assert before < 0.8
    assert float(training.companion[0](states).mean()) > 0.95


def test_padding_has_no_part(tmp_path: Path, vocabulary: Path) -> None:
    model: Any = without_dropout(tiny_model("bert"))
    losses, gradients = [], []
    for more in (0, 4):
        torch.manual_seed(0)
        training: Any = trainer(ASA(), model, tmp_path, vocabulary)
        training._optimizer.zero_grad = lambda: None
        inputs = {
            name: rows if rows.ndim == 1 else pad(rows, (0, more)) for name, rows in batch().items()
        }
        losses.append(float(training.training_step(model, inputs)))
        gradients.append(gradient_of(training.companion))
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-2)


def test_a_causal_mask_stays_closed(tmp_path: Path, vocabulary: Path) -> None:
    """An adversary that opens all leaves a decoder's answers as they are."""
    model: Any = without_dropout(tiny("gpt2"))
    model.config.pad_token_id = 0
    training: Any = trainer(ASA(), model, tmp_path, vocabulary)
    with torch.no_grad():
        for adversary in training.companion:
            adversary.query.bias.fill_(1.0)
            adversary.key.bias.fill_(1.0)
            adversary.query.weight.zero_()
            adversary.key.weight.zero_()
    inputs = batch()
    loss = training.training_step(model, dict(inputs))
    assert float(loss) == pytest.approx(float(model(**inputs).loss), abs=1e-5)


def test_a_model_with_two_stacks_is_refused(tmp_path: Path, vocabulary: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="asa: expected a model with one stack"):
        trainer(ASA(), tiny("bart"), tmp_path, vocabulary)


def test_a_temperature_below_zero_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="temperature: expected a number in"):
        defense_of("asa", temperature=-1.0)
