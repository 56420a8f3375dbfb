"""Laws that hold for every attack on attention: nothing is left behind, and the seed decides."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from textattack_attend.attack_recipes.registry import ATTACKS as REGISTERED
from textattack_attend.attacks.named import build_attack
from textattack_attend.models.wrappers import AttentionModelWrapper

from ..conftest import MakeVictim, hooks_of, random_texts

TEXT = random_texts(4, seed=5)[0]
ATTACKS = [name for name in REGISTERED if name.startswith("hackattend")]
every = pytest.mark.parametrize("name", ATTACKS)
both = pytest.mark.parametrize("backend", ["eager", "sdpa"])


def state_of(model: nn.Module) -> tuple[list[str], bool, list[Any]]:
    """Returns the state that an attack must leave alone: hooks, mode and gradients."""
    parameters = [(weight.requires_grad, weight.grad) for weight in model.parameters()]
    return hooks_of(model), model.training, parameters


@every
@both
def test_the_model_is_left_as_it_was(name: str, backend: str, make_victim: MakeVictim) -> None:
    victim = make_victim(backend=backend)
    before = state_of(victim.model)
    weights = {key: weight.clone() for key, weight in victim.model.state_dict().items()}
    attack = build_attack(name, AttentionModelWrapper(victim.model, victim.tokenizer))
    for text in random_texts(3, seed=5):
        attack.attack(text, int(victim.logits([text])[0].argmax()))
    assert state_of(victim.model) == before
    assert all(torch.equal(weights[key], now) for key, now in victim.model.state_dict().items())


class Broken(RuntimeError):
    """Is raised by a layer."""


@every
@both
def test_no_hook_is_left_where_a_layer_raises(
    name: str, backend: str, make_victim: MakeVictim
) -> None:
    victim = make_victim(backend=backend)
    label = int(victim.logits([TEXT])[0].argmax())
    attack = build_attack(name, AttentionModelWrapper(victim.model, victim.tokenizer))
    passes = 0

    def break_later(module: nn.Module, arguments: Any) -> None:
        nonlocal passes
        passes += 1
        if passes > 2:
            raise Broken

    layer = victim.model.get_submodule("bert.encoder.layer.2")
    handle = layer.register_forward_pre_hook(break_later)
    with pytest.raises(Broken):
        attack.attack(TEXT, label)
    handle.remove()
    assert hooks_of(victim.model) == []


@every
def test_the_seed_decides_the_result(name: str, make_victim: MakeVictim) -> None:
    victim = make_victim()
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    label = int(victim.logits([TEXT])[0].argmax())

    def attacked() -> tuple[bytes, int]:
        torch.manual_seed(3)
        result = build_attack(name, wrapper).attack(TEXT, label).perturbed_result
        return result.attacked_text.structure.units.tobytes(), result.num_queries

    assert attacked() == attacked()
