"""The engine multiplies in oneDNN, by the weights that the model has at that moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from textattack_attend.attention import products
from textattack_attend.attention.products import onednn_is_faster
from textattack_attend.structures import Structure
from textattack_attend.victims.victim import Victim

from ..conftest import FAMILIES, MakeVictim

TEXT = "the film was never quite funny"

onednn: Any = torch.backends.mkldnn
pytestmark = pytest.mark.skipif(not onednn.is_available(), reason="needs PyTorch with oneDNN")


@pytest.fixture(autouse=True)
def onednn_is_always_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "SMALLEST_PRODUCT", 0)
    monkeypatch.setattr(products, "onednn_is_faster", lambda: True)


def masked_logits(victim: Victim) -> tuple[Tensor, Tensor]:
    """With the engine, and with the whole model, after a reading of its own."""
    (reading,) = victim.read([TEXT], [None])
    structure = Structure.whole(victim.empty_structure(TEXT).shape, [(0, 1), (1, 0)])
    return victim.logits_from([(reading, structure)]), victim.logits([TEXT], [structure])


def layers(model: Any) -> Any:
    """Those of a BERT."""
    return model.bert.encoder.layer


@pytest.fixture
def multiplied(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """The weights that oneDNN has multiplied by."""
    weights: list[Tensor] = []
    multiply = products._multiply

    def noted(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        weights.append(weight)
        return multiply(rows, weight, bias)

    monkeypatch.setattr(products, "_multiply", noted)
    return weights


@pytest.mark.parametrize("family", FAMILIES)
def test_the_engine_uses_it_and_answers_as_the_model(
    make_victim: MakeVictim, family: str, multiplied: list[Tensor]
) -> None:
    victim = make_victim(family)
    names = list(victim.model.state_dict())
    (reading,) = victim.read([TEXT], [None])
    structure = Structure.whole(victim.empty_structure(TEXT).shape, [(0, 1), (1, 0)])
    victim.logits_from([(reading, Structure(structure.shape))])  # compares the engine, once
    multiplied.clear()
    found = victim.logits_from([(reading, structure)])
    assert len(multiplied) > 6
    multiplied.clear()
    torch.testing.assert_close(found, victim.logits([TEXT], [structure]), atol=1e-5, rtol=1e-5)
    assert not multiplied  # a fresh pass is the model's own
    assert list(victim.model.state_dict()) == names


@torch.no_grad()
def add_in_place(linear: nn.Linear) -> None:
    linear.weight.add_(0.5 * torch.randn_like(linear.weight))


def step_of_an_optimizer(linear: nn.Linear) -> None:
    linear.weight.grad = torch.randn_like(linear.weight)
    torch.optim.AdamW([linear.weight], lr=0.5).step()
    linear.weight.grad = None


def change_through_data(linear: nn.Linear) -> None:
    linear.weight.data.add_(0.5 * torch.randn_like(linear.weight))


def other_data(linear: nn.Linear) -> None:
    linear.weight.data = 0.5 * torch.randn_like(linear.weight)


def other_parameter(linear: nn.Linear) -> None:
    linear.weight = nn.Parameter(0.5 * torch.randn_like(linear.weight))


def add_a_hook(linear: nn.Linear) -> None:
    linear.register_forward_hook(lambda module, rows, output: 2 * output)


@pytest.mark.parametrize(
    "change",
    [
        add_in_place,
        step_of_an_optimizer,
        change_through_data,
        other_data,
        other_parameter,
        add_a_hook,
        nn.utils.parametrizations.spectral_norm,
    ],
)
def test_changed_weights_are_seen_at_the_next_reading(
    make_victim: MakeVictim, change: Callable[[nn.Linear], object]
) -> None:
    victim = make_victim()
    before, _ = masked_logits(victim)
    change(layers(victim.model)[1].intermediate.dense)
    victim.model.eval()
    found, expected = masked_logits(victim)
    assert not torch.allclose(found, before, atol=1e-4)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_another_layer_in_its_place_is_seen(make_victim: MakeVictim) -> None:
    victim = make_victim()
    before, _ = masked_logits(victim)
    layer = layers(victim.model)[0]
    old = layer.output.dense
    layer.output.dense = nn.Linear(old.in_features, old.out_features)
    found, expected = masked_logits(victim)
    assert not torch.allclose(found, before, atol=1e-4)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("every", [False, True])
def test_layers_with_hooks_stay_what_they_are(make_victim: MakeVictim, every: bool) -> None:
    victim = make_victim()
    for module in victim.model.modules() if every else [layers(victim.model)[0].output.dense]:
        if isinstance(module, nn.Linear):
            add_a_hook(module)
    found, expected = masked_logits(victim)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_it_is_not_used_where_it_does_not_pay_or_is_switched_off(
    make_victim: MakeVictim, monkeypatch: pytest.MonkeyPatch, multiplied: list[Tensor]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(onednn, "enabled", False)
        masked_logits(make_victim())
    monkeypatch.setattr(products, "onednn_is_faster", lambda: False)
    masked_logits(make_victim())
    assert not multiplied


@pytest.mark.parametrize(("maker", "faster"), [("AuthenticAMD", True), ("GenuineIntel", False)])
def test_the_maker_of_the_processor_decides_not_a_measurement(
    maker: str, faster: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "_processor", lambda: f"vendor_id : {maker}")
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    onednn_is_faster.cache_clear()
    assert onednn_is_faster() is faster
    onednn_is_faster.cache_clear()
