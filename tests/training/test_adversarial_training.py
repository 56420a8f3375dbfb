"""FreeLB and CreAT: a step by hand, bounds, and what they are without a perturbation."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cosine_similarity

from textattack_attend.errors import InvalidInputError, UnsupportedModelError
from textattack_attend.training.defenses import CreAT, Defense, FreeLB, defense_of
from textattack_attend.training.defenses.embeddings import (
    normalized,
    perturbed_embeddings,
    random_start,
    within_ball,
)

from ..conftest import hooks_of, tiny_model
from ..helpers.defense_steps import FAMILIES, batch, gradients_of, trainer, without_dropout
from ..helpers.tiny_families import tiny

NOTHING: dict[str, Any] = {"steps": 1, "step_size": 0.0, "start": 0.0}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-5, rtol=1e-3)


def loss_at(model: Any, perturbation: Tensor, **options: Any) -> Any:
    """By the model's own way to take embeddings."""
    inputs = batch()
    words = model.get_input_embeddings()(inputs.pop("input_ids"))
    return model(inputs_embeds=words + perturbation, **inputs, **options)


def unit(rows: Tensor) -> Tensor:
    return torch.stack([row / row.norm() for row in rows])


@pytest.mark.parametrize("clean", [False, True])
@pytest.mark.parametrize("family", ["bert", "distilbert", "electra"])
def test_a_freelb_step_by_hand(family: str, clean: bool, tmp_path: Path, vocabulary: Path) -> None:
    """Two steps from zero: the mean gradient of all passes."""
    model = without_dropout(tiny_model(family))
    options = FreeLB(steps=2, step_size=0.5, radius=0, start=0, clean=clean)
    loss = trainer(options, model, tmp_path, vocabulary).training_step(model, batch())
    found = gradients_of(model)
    assert hooks_of(model) == []

    model.zero_grad()
    width = model.get_input_embeddings().weight.shape[1]
    zero = torch.zeros(3, 9, width, requires_grad=True)
    (uphill,) = torch.autograd.grad(loss_at(model, zero).loss, zero)
    losses = [loss_at(model, zero.detach()).loss, loss_at(model, 0.5 * unit(uphill)).loss]
    losses += [model(**batch()).loss] * clean
    expected: Any = torch.stack(losses).mean()
    expected.backward()
    assert float(loss) == pytest.approx(float(expected), abs=1e-5)
    assert abs(float(losses[1] - losses[0])) > 1e-3
    assert_same(found, gradients_of(model))


def test_a_creat_step_by_hand(tmp_path: Path, vocabulary: Path) -> None:
    """One step from a start that is not zero: the contextual term has no slope there."""
    model = without_dropout(tiny_model("bert"))
    options = CreAT(steps=1, step_size=0.5, radius=0, start=0.3, temperature=2.0, clean=False)
    training = trainer(options, model, tmp_path, vocabulary)
    torch.manual_seed(5)
    loss = training.training_step(model, batch())
    found = gradients_of(model)

    model.zero_grad()
    inputs = batch()
    torch.manual_seed(5)
    start = random_start(model, inputs, 0.3).requires_grad_()
    clean = model(**inputs, output_hidden_states=True).hidden_states[-1].detach()
    output = loss_at(model, start, output_hidden_states=True)
    alike = cosine_similarity(output.hidden_states[-1], clean, dim=-1)
    real = inputs["attention_mask"]
    context = torch.stack([a[r.bool()].mean() for a, r in zip(alike, real, strict=True)]).mean()
    (uphill,) = torch.autograd.grad(output.loss - 2.0 * context, start)
    expected = loss_at(model, (start + 0.5 * unit(uphill)).detach()).loss
    expected.backward()
    assert float(loss) == pytest.approx(float(expected), abs=1e-5)
    assert_same(found, gradients_of(model))


def test_a_released_creat_step_by_hand(tmp_path: Path, vocabulary: Path) -> None:
    """One step from normal noise, along the sum of the cosines of the first tokens, within 0.1."""
    model: Any = without_dropout(tiny_model("bert"))
    training = trainer(CreAT(preset="released"), model, tmp_path, vocabulary)
    torch.manual_seed(5)
    loss = training.training_step(model, batch())
    found = gradients_of(model)

    model.zero_grad()
    inputs = batch()
    torch.manual_seed(5)
    width = model.get_input_embeddings().weight.shape[1]
    torch.rand(3, 9, width)  # the start within a ball, whose radius is 0
    start = 0.01 * torch.randn(3, 9, width) * inputs["attention_mask"][..., None]
    start.requires_grad_()
    clean = model(**inputs, output_hidden_states=True).hidden_states[-1].detach()
    output = loss_at(model, start, output_hidden_states=True)
    firsts = zip(output.hidden_states[-1][:, 0], clean[:, 0], strict=True)
    context = sum(cosine_similarity(one, other, dim=0) for one, other in firsts)
    (uphill,) = torch.autograd.grad(output.loss - context, start)
    moved = torch.stack([row * min(1, 0.1 / row.norm()) for row in start + 0.1 * unit(uphill)])
    assert moved.norm() < (start + 0.1 * unit(uphill)).norm()  # the ball shortens it
    losses = [model(**batch()).loss, loss_at(model, moved.detach()).loss]
    expected: Any = torch.stack(losses).mean()
    expected.backward()
    assert float(loss) == pytest.approx(float(expected), abs=1e-5)
    assert_same(found, gradients_of(model))


def test_a_released_freelb_step_by_hand(tmp_path: Path, vocabulary: Path) -> None:
    """Two passes: at zero, and at a step of 0.1, each with a dropout mask of its own."""
    model: Any = tiny_model("bert")
    assert any(module.p for module in model.modules() if isinstance(module, torch.nn.Dropout))
    training = trainer(FreeLB(preset="released"), model, tmp_path, vocabulary)
    model.train()
    torch.manual_seed(5)
    loss = training.training_step(model, batch())
    found = gradients_of(model)

    model.zero_grad()
    torch.manual_seed(5)
    width = model.get_input_embeddings().weight.shape[1]
    torch.rand(3, 9, width)
    zero = torch.zeros(3, 9, width, requires_grad=True)
    first = loss_at(model, zero).loss
    (uphill,) = torch.autograd.grad(first, zero, retain_graph=True)
    losses = [first, loss_at(model, 0.1 * unit(uphill)).loss]  # dropout goes on drawing
    expected: Any = torch.stack(losses).mean()
    expected.backward()
    assert float(loss) == pytest.approx(float(expected), abs=1e-5)
    assert_same(found, gradients_of(model))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("freelb", {"steps": 2, "radius": 0.1, "start": 0.0, "fresh_dropout": True}),
        ("creat", {"steps": 1, "noise": 0.01, "context": "first-token"}),
        ("ada", {"examples": 0, "failures": True}),
        ("s-attend", {"granularity": "token"}),
    ],
)
def test_a_preset_sets_its_values_and_stands_among_the_options(
    name: str, values: dict[str, Any]
) -> None:
    options = dataclasses.asdict(defense_of(name, preset="released"))
    assert options == dataclasses.asdict(defense_of(name)) | options | values
    assert options["preset"] == "released"
    again = defense_of(name, **options)  # as the card has them
    assert dataclasses.asdict(again) == options


def test_what_a_preset_does_not_set_stays_free() -> None:
    own = defense_of("s-attend", preset="released", alpha=0.5)
    assert dataclasses.asdict(own)["alpha"] == 0.5


@pytest.mark.parametrize("defense", [FreeLB(**NOTHING), CreAT(**NOTHING)], ids=lambda d: d.name)
@pytest.mark.parametrize("family", FAMILIES)
def test_no_perturbation_trains_as_usual_bit_for_bit(
    family: str, defense: Defense, tmp_path: Path, vocabulary: Path
) -> None:
    """With dropout: all passes of a step have one mask, and later steps draw as usual."""
    trained = []
    for method in (Defense(), defense):
        model = tiny_model(family)
        trainer(method, model, tmp_path / method.name, vocabulary).train()
        trained.append(model.state_dict())
    for name, weight in trained[0].items():
        assert torch.equal(weight, trained[1][name])


def test_checkpointed_layers_give_the_same_gradients(tmp_path: Path, vocabulary: Path) -> None:
    found = []
    for checkpointing in (False, True):
        model = tiny_model("bert")
        training = trainer(FreeLB(), model, tmp_path, vocabulary)
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        torch.manual_seed(3)
        training.training_step(model, batch())
        found.append(gradients_of(model))
    assert_same(*found)


@given(seed=st.integers(0, 1000), radius=st.floats(0.01, 10), scale=st.floats(0, 100))
@settings(deadline=None, max_examples=50)
def test_a_ball_holds_its_rows_and_leaves_what_is_inside(
    seed: int, radius: float, scale: float
) -> None:
    rows = scale * torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(seed))
    inside = within_ball(rows, radius)
    for row, own in zip(rows, inside, strict=True):
        assert own.norm() <= radius * (1 + 1e-5)
        if row.norm() <= radius:
            torch.testing.assert_close(own, row)


def test_a_gradient_of_zero_moves_nothing() -> None:
    rows = torch.zeros(2, 3, 4)
    rows[1, 0, 0] = 2.0
    moved = normalized(rows)
    assert torch.equal(moved[0], rows[0])
    assert moved[1].norm() == pytest.approx(1)


def test_the_start_spares_padding_and_keeps_its_length() -> None:
    inputs = batch()
    start = random_start(tiny_model("bert"), inputs, 0.3)
    assert (start[1, 6:] == 0).all()
    assert (start.flatten(1).norm(dim=1) <= 0.3).all()
    assert (start.flatten(1).norm(dim=1) > 0.1).all()


def test_perturbed_embeddings_are_undone() -> None:
    model = tiny_model("bert")
    inputs = batch()
    with torch.no_grad():
        before = model(**inputs).logits
        with perturbed_embeddings(model, torch.ones(3, 9, 1)):
            assert not torch.allclose(model(**inputs).logits, before)
        assert torch.equal(model(**inputs).logits, before)


def test_creat_needs_hidden_states(tmp_path: Path, vocabulary: Path) -> None:
    model = tiny("t5")
    with pytest.raises(UnsupportedModelError, match="creat: expected a model with one stack"):
        trainer(CreAT(), model, tmp_path, vocabulary).training_step(model, seq2seq_batch())


def test_freelb_refuses_two_stacks(tmp_path: Path, vocabulary: Path) -> None:
    model = tiny("t5")
    with pytest.raises(UnsupportedModelError, match="expected a model with one stack of layers"):
        trainer(FreeLB(), model, tmp_path, vocabulary).training_step(model, seq2seq_batch())


def seq2seq_batch() -> dict[str, Tensor]:
    """Every row ends with the end token of T5's tiny tokenizer."""
    inputs = batch()
    inputs["input_ids"] = inputs["input_ids"] % 7 + 4
    inputs["input_ids"][:, -1] = 2
    return inputs


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("freelb", {"steps": 0}, "steps: expected at least 1, got 0"),
        ("freelb", {"radius": -1.0}, r"radius: expected a number in \[0, inf\), got -1.0"),
        ("creat", {"temperature": -1.0}, "temperature: expected a number in"),
        ("creat", {"context": "words"}, "context: expected one of all-tokens, first-token"),
        ("creat", {"noise": -0.1}, "noise: expected a number in"),
        ("creat", {"preset": "relesed"}, "preset: expected one of released, got 'relesed'"),
        (
            "freelb",
            {"preset": "released", "radius": 0.5},
            "radius: expected 0.1, which the preset 'released' has, got 0.5; leave out one",
        ),
        (
            "freelb",
            {"preset": "released", "radius": 0.6},  # its default, but given
            "radius: expected 0.1, which the preset has, got 0.6; leave out one of the two",
        ),
        ("afa", {"preset": "released"}, "'afa' has no such option; it belongs to"),
        ("freelb", {"noise": 1.0}, "'freelb' has no such option; it belongs to creat"),
    ],
)
def test_options_that_are_refused(name: str, options: dict[str, Any], line: str) -> None:
    with pytest.raises(InvalidInputError, match=line):
        defense_of(name, **options)
