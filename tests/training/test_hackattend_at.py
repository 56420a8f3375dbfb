"""Adversarial training with structures: what is masked in a step, and what it computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from textattack_attend.attention import forward_passes, masked_attention, shape_of
from textattack_attend.errors import InvalidInputError, UnsupportedModelError
from textattack_attend.rankings.candidates import candidate_masks
from textattack_attend.structures import Budget, Structure
from textattack_attend.training.defenses import Defense, HackAttendAT, defense_of
from textattack_attend.training.defenses.hackattend_at import selected

from ..conftest import hooks_of, tiny_model
from ..helpers.defense_steps import BACKENDS, FAMILIES, batch, trainer, without_dropout
from ..helpers.tiny_families import tiny


def attacked_by_hackattend(model: Any, alpha: float) -> list[Structure]:
    """The candidate masks of all matrices, row by row, as the attack chooses them."""
    inputs, structures = batch(), []
    for row, label in enumerate(inputs.pop("labels")):
        tokens = int(inputs["attention_mask"][row].sum())
        own = {name: rows[row : row + 1, :tokens] for name, rows in inputs.items()}
        (done,) = forward_passes(model, own, [loss_at(label)])
        shape, budget = shape_of(model, tokens), Budget(alpha)
        masks = candidate_masks("first_order", done.each_layer, shape, budget)
        structures.append(Structure.union(shape, masks.values()))
    return structures


def loss_at(label: Tensor) -> Any:
    return lambda logits: cross_entropy(logits, label[None])


@pytest.mark.parametrize(("family", "backend"), BACKENDS)
def test_a_step_is_one_under_the_masks_of_the_attack(
    family: str, backend: str, tmp_path: Path, vocabulary: Path
) -> None:
    model = without_dropout(tiny_model(family, backend))
    training = trainer(HackAttendAT(0.1, clean=False), model, tmp_path, vocabulary)
    loss = training.training_step(model, batch())
    found = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    assert hooks_of(model) == []

    model.zero_grad()
    model.eval()
    structures = attacked_by_hackattend(model, 0.1)
    # A gradient of zero says nothing about the last layer; the attack then goes by attention.
    lower = [s.only([m for m in s.matrices if m[0] < s.shape.layers - 1]) for s in structures]
    with masked_attention(model, lower):
        expected = model(**batch()).loss
    expected.backward()
    assert float(loss) == pytest.approx(float(expected), abs=1e-4)
    assert float(loss - model(**batch()).loss) > 1e-3
    own = [p.grad for p in model.parameters() if p.grad is not None]
    for one, other in zip(found, own, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_more_rounds_find_what_hurts_more(tmp_path: Path, vocabulary: Path) -> None:
    losses = []
    for steps in (1, 6):
        model = without_dropout(tiny_model("bert"))
        training = trainer(HackAttendAT(0.1, steps=steps, clean=False), model, tmp_path, vocabulary)
        losses.append(float(training.training_step(model, batch())))
    assert losses[1] > losses[0]


def test_the_highest_of_every_matrix_within_its_budget() -> None:
    scores = torch.arange(32.0).view(2, 1, 4, 4)
    attackable = torch.ones(2, 1, 4, 4, dtype=torch.bool)
    attackable[0, :, 3], attackable[1, :, :, 1:] = False, False
    masked = selected(scores, attackable, 0.25)
    assert masked[0, 0].nonzero().tolist() == [[2, 1], [2, 2], [2, 3]]  # 3 of 12
    assert masked[1, 0].nonzero().tolist() == [[3, 0]]  # 1 of 4
    assert not selected(scores, torch.zeros_like(attackable), 0.25).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_no_alpha_trains_as_usual_bit_for_bit(
    family: str, tmp_path: Path, vocabulary: Path
) -> None:
    trained = []
    for defense in (Defense(), HackAttendAT(alpha=0.0)):
        model = tiny_model(family)
        trainer(defense, model, tmp_path / defense.name, vocabulary).train()
        trained.append(model.state_dict())
    for name, weight in trained[0].items():
        assert torch.equal(weight, trained[1][name])


def test_the_clean_text_counts_half_if_it_is_trained_on(tmp_path: Path, vocabulary: Path) -> None:
    losses = {}
    for clean in (False, True):
        model = without_dropout(tiny_model("bert"))
        training = trainer(HackAttendAT(0.1, clean=clean), model, tmp_path, vocabulary)
        losses[clean] = float(training.training_step(model, batch()))
    clean_loss = float(without_dropout(tiny_model("bert"))(**batch())["loss"])
    assert losses[True] == pytest.approx((losses[False] + clean_loss) / 2, abs=1e-5)


def test_decoders_are_refused(tmp_path: Path, vocabulary: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="hackattend-at: expected an encoder whose"):
        trainer(HackAttendAT(), tiny("gpt2"), tmp_path, vocabulary)


def test_options_that_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="steps: expected at least 1, got 0"):
        defense_of("hackattend-at", steps=0)
