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
from textattack_attend.training.defenses.randomness import Randomness

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


@pytest.mark.parametrize(
    ("family", "backend"), [*BACKENDS, ("gpt2", "eager"), ("gpt2", "sdpa"), ("llama", "sdpa")]
)
def test_a_step_is_one_under_the_masks_of_the_attack(
    family: str, backend: str, tmp_path: Path, vocabulary: Path
) -> None:
    decodes = family in ("gpt2", "llama")
    model: Any = without_dropout(tiny(family, backend) if decodes else tiny_model(family, backend))
    model.config.pad_token_id = 0
    training = trainer(HackAttendAT(0.1, clean=False), model, tmp_path, vocabulary)
    loss = training.training_step(model, batch())
    found = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    assert hooks_of(model) == []

    model.zero_grad()
    model.eval()
    structures = attacked_by_hackattend(model, 0.1)
    # A gradient of zero says nothing about an encoder's last layer; the attack goes by attention.
    last = structures[0].shape.layers - (not decodes)
    lower = [s.only([m for m in s.matrices if m[0] < last]) for s in structures]
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
    masked = selected(scores, attackable, [0.25] * len(scores))
    assert masked[0, 0].nonzero().tolist() == [[2, 1], [2, 2], [2, 3]]  # 3 of 12
    assert masked[1, 0].nonzero().tolist() == [[3, 0]]  # 1 of 4
    assert not selected(scores, torch.zeros_like(attackable), [0.25] * len(scores)).any()


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


def masked_units(defense: HackAttendAT, folder: Path, vocabulary: Path, rows: int) -> Tensor:
    """The units that a step masks in a batch, bool (L, B, H, T, T)."""
    training: Any = trainer(defense, without_dropout(tiny_model("bert")), folder, vocabulary)
    torch.manual_seed(5)
    return torch.stack(
        training._attack(training.model, batch(rows), Randomness(torch.device("cpu")))
    )


def test_the_first_token_is_spared_or_attackable_or_drawn(tmp_path: Path, vocabulary: Path) -> None:
    touched = {}
    for first_token in ("spared", "attackable", "drawn"):
        defense = HackAttendAT(0.5, first_token=first_token)
        masked = masked_units(defense, tmp_path, vocabulary, 60)
        of_first = masked[..., 0, :].any(-1) | masked[..., 0].any(-1)
        touched[first_token] = of_first.any(2).any(0).float().mean()
    assert touched["spared"] == 0
    assert touched["attackable"] == 1
    assert 0.3 < touched["drawn"] < 0.7  # 60 texts, of which half are expected


def test_every_text_draws_its_own_share(tmp_path: Path, vocabulary: Path) -> None:
    """Texts of 9 tokens have 64 attackable units: from 6 to 32 of them, half of them below 14."""
    defense = HackAttendAT(0.1, largest_alpha=0.5)
    masked = masked_units(defense, tmp_path, vocabulary, 90)
    counts = masked.sum((-1, -2))
    whole = batch(90)["attention_mask"].all(1)
    assert (counts == counts[:1, :, :1]).all()  # one share for all matrices of a text
    own = counts[0, whole, 0]
    assert own.min() >= 6
    assert own.max() <= 32
    assert len(set(own.tolist())) > 10
    assert 0.3 < (own < 14.3).float().mean() < 0.7  # the geometric mean of 0.1 and 0.5


def test_models_with_two_stacks_are_refused(tmp_path: Path, vocabulary: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="hackattend-at: expected a model with one"):
        trainer(HackAttendAT(), tiny("bart"), tmp_path, vocabulary)


def test_masks_stay_within_a_sliding_window(tmp_path: Path, vocabulary: Path) -> None:
    model: Any = tiny("mistral")
    model.config.pad_token_id = 0
    training: Any = trainer(HackAttendAT(0.5), model, tmp_path, vocabulary)
    masks = training._attack(model, batch(), Randomness(torch.device("cpu")))
    before = model.config.sliding_window
    at = torch.arange(9)
    window = (at[:, None] >= at) & (at[:, None] - at < before)
    assert before < 9
    for mask in masks:
        assert mask.any()
        assert not (mask & ~window).any()


def test_options_that_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="steps: expected at least 1, got 0"):
        defense_of("hackattend-at", steps=0)
    with pytest.raises(
        InvalidInputError, match=r"largest_alpha: expected 0, or at least alpha, 0\.1"
    ):
        defense_of("hackattend-at", alpha=0.1, largest_alpha=0.05)
    with pytest.raises(InvalidInputError, match="first_token: expected one of spared, attackable"):
        defense_of("hackattend-at", first_token="masked")
