"""Adversarial weight perturbation: a step by hand, and the weights that come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from textattack_attend.errors import InvalidInputError
from textattack_attend.training.defenses import AWP, defense_of
from textattack_attend.training.defenses.awp import changed_weights

from ..conftest import hooks_of, tiny_model
from ..helpers.defense_steps import batch, gradients_of, trainer, without_dropout

NOTHING: dict[str, Any] = {"steps": 1, "step_size": 0.0, "start": 0.0}


@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta"])
def test_a_step_by_hand(family: str, tmp_path: Path, vocabulary: Path) -> None:
    """On clean embeddings: each matrix moves along its gradient by a twentieth of its length."""
    model: Any = without_dropout(tiny_model(family))
    options = AWP(**NOTHING, weight_radius=0.05)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    loss = trainer(options, model, tmp_path, vocabulary).training_step(model, batch())
    found = gradients_of(model)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert hooks_of(model) == []

    model.zero_grad()
    clean = model(**batch()).loss
    clean.backward()
    changed = gradients_of(model)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1 and name in changed:
                direction = changed[name]
                weight += 0.05 * weight.norm() * direction / direction.norm()
    model.zero_grad()
    expected = model(**batch()).loss
    expected.backward()
    assert float(expected) > float(clean) + 1e-3
    assert float(loss) == pytest.approx(float(expected), abs=1e-5)
    for name, gradient in gradients_of(model).items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-3)


def test_embeddings_are_perturbed_before_the_weights(tmp_path: Path, vocabulary: Path) -> None:
    """Without a change of the weights it trains at the embeddings that the steps found."""
    model: Any = without_dropout(tiny_model("bert"))
    options = AWP(steps=1, step_size=0.5, radius=0, start=0, weight_radius=0.0)
    loss = trainer(options, model, tmp_path, vocabulary).training_step(model, batch())

    inputs = batch()
    words = model.get_input_embeddings()(inputs.pop("input_ids")).detach().requires_grad_()
    (uphill,) = torch.autograd.grad(model(inputs_embeds=words, **inputs).loss, words)
    moved = words + 0.5 * torch.stack([row / row.norm() for row in uphill])
    expected = model(inputs_embeds=moved, **inputs).loss
    assert float(loss) == pytest.approx(float(expected), abs=1e-5)


def test_without_any_perturbation_it_trains_as_usual(tmp_path: Path, vocabulary: Path) -> None:
    model: Any = without_dropout(tiny_model("bert"))
    options = AWP(**NOTHING, weight_radius=0.0)
    loss = trainer(options, model, tmp_path, vocabulary).training_step(model, batch())
    assert float(loss) == pytest.approx(float(model(**batch()).loss), abs=1e-6)


def test_weights_come_back_bit_for_bit_also_after_an_error() -> None:
    weight = torch.nn.Parameter(torch.rand(3, 3))
    before = weight.detach().clone()
    try:
        with changed_weights([(weight, torch.full((3, 3), 0.1))]):
            torch.testing.assert_close(weight.detach(), before + 0.1)
            raise KeyError
    except KeyError:
        pass
    assert torch.equal(weight, before)


def test_options_that_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="weight_radius: expected a number in"):
        defense_of("awp", weight_radius=-0.1)
    with pytest.raises(InvalidInputError, match="'awp' has no such option"):
        defense_of("awp", preset="released")
