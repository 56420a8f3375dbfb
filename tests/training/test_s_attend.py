"""S-Attend: what is drawn, what a step computes, and where nothing is masked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from textattack_attend.attention import masked_at_random, masked_attention
from textattack_attend.errors import InvalidInputError, TrainingDivergedError
from textattack_attend.structures import Shape, Structure
from textattack_attend.training.defenses import Defense, SAttend, defense_of

from ..conftest import HEADS, LAYERS, hooks_of, tiny_model
from ..helpers.defense_steps import BACKENDS, FAMILIES, ROWS, batch, trainer, without_dropout


class Draws:
    """Stands for `torch.rand`, and keeps what it gave."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.given: list[Tensor] = []
        self.rand = torch.rand
        monkeypatch.setattr("torch.rand", self)

    def __call__(self, *size: Any, **options: Any) -> Tensor:
        self.given.append(self.rand(*size, **options))
        return self.given[-1]


@pytest.mark.parametrize(("family", "backend"), BACKENDS)
def test_a_step_is_one_with_these_units_masked(
    family: str,
    backend: str,
    tmp_path: Path,
    vocabulary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Loss and gradients, against the structure of every row."""
    model = without_dropout(tiny_model(family, backend))
    training = trainer(SAttend(0.3), model, tmp_path, vocabulary)
    draws = Draws(monkeypatch)
    loss = training.training_step(model, batch())
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    assert hooks_of(model) == []

    inputs, structures = batch(), []
    for row in range(ROWS):
        own = int(inputs["attention_mask"][row].sum())
        drawn = torch.stack([layer[row, :, :own, :own] < 0.3 for layer in draws.given])
        drawn &= ~drawn.all(-1, keepdim=True)
        structures.append(
            Structure.from_units(Shape(LAYERS, HEADS, own), np.argwhere(drawn.numpy()))
        )
    model.zero_grad()
    with masked_attention(model, structures):
        expected = model(**inputs).loss
    expected.backward()
    assert float(loss) == pytest.approx(float(expected), abs=1e-5)
    for name, gradient in found.items():
        other = dict(model.named_parameters())[name].grad
        torch.testing.assert_close(gradient, other, atol=1e-4, rtol=1e-4)
    clean = model(**inputs).loss
    assert abs(float(expected - clean)) > 1e-3


def test_the_share_is_alpha_and_no_row_is_lost() -> None:
    """By what is left of attention: 0 where a unit is masked."""
    model = without_dropout(tiny_model("bert", "eager"))
    inputs = batch()
    inputs.pop("labels")
    real = inputs["attention_mask"].bool()
    masked, visible = 0, 0
    for _ in range(40):
        with torch.no_grad(), masked_at_random(model, 0.2):
            attentions = model(**inputs, output_attentions=True).attentions
        for layer in attentions:
            seen = real[:, None, None, :].expand(layer.shape)
            masked += int((layer[seen] == 0).sum())
            visible += int(seen.sum())
            torch.testing.assert_close(layer.sum(-1), torch.ones(layer.shape[:-1]))
    assert masked / visible == pytest.approx(0.2, abs=3 * (0.2 * 0.8 / visible) ** 0.5)


def test_where_every_key_is_drawn_none_is_masked() -> None:
    model = tiny_model("bert")
    inputs = batch()
    inputs.pop("labels")
    with torch.no_grad():
        clean = model(**inputs).logits
        with masked_at_random(model, 0.999999):
            assert torch.equal(model(**inputs).logits, clean)


def test_tokens_are_masked_in_all_layers_and_special_ones_never(
    tmp_path: Path, vocabulary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = without_dropout(tiny_model("bert"))
    training = trainer(SAttend(0.6, "token"), model, tmp_path, vocabulary)
    draws = Draws(monkeypatch)
    loss = training.training_step(model, batch())
    (drawn,) = draws.given
    inputs = batch()
    tokens = (drawn < 0.6) & (inputs["input_ids"] > 4)
    assert tokens.any()
    assert not tokens[:, 0].any()
    assert not tokens[1, 5:].any()
    inputs["attention_mask"] = inputs["attention_mask"] * ~tokens
    assert float(loss) == pytest.approx(float(model(**inputs).loss), abs=1e-5)


def test_chosen_layers_and_heads_alone_are_masked() -> None:
    model = tiny_model("bert", "eager")
    inputs = batch()
    inputs.pop("labels")
    with torch.no_grad(), masked_at_random(model, 0.5, layers=(1,), heads=(0, 2)):
        attentions = model(**inputs, output_attentions=True).attentions
    zeros = torch.stack([(layer[0] == 0).flatten(1).any(1) for layer in attentions])
    expected = torch.zeros(LAYERS, HEADS, dtype=torch.bool)
    expected[1, [0, 2]] = True
    assert torch.equal(zeros, expected)


def test_layers_and_heads_that_are_not_there_are_refused() -> None:
    model = tiny_model("bert")
    with pytest.raises(InvalidInputError, match=r"layers: expected numbers from 0 to 2, got \[9\]"):
        masked_at_random(model, 0.5, layers=(0, 9))
    with pytest.raises(InvalidInputError, match=r"heads: expected numbers from 0 to 3, got \[-1\]"):
        masked_at_random(model, 0.5, heads=(-1,))


@pytest.mark.parametrize("family", FAMILIES)
def test_no_alpha_trains_as_usual_bit_for_bit(
    family: str, tmp_path: Path, vocabulary: Path
) -> None:
    trained = []
    for defense in (Defense(), SAttend(alpha=0.0)):
        model = tiny_model(family)
        trainer(defense, model, tmp_path / defense.name, vocabulary).train()
        trained.append(model.state_dict())
    for name, weight in trained[0].items():
        assert torch.equal(weight, trained[1][name])


def test_evaluation_is_untouched(tmp_path: Path, vocabulary: Path) -> None:
    model = tiny_model("bert")
    training = trainer(SAttend(0.5), model, tmp_path, vocabulary)
    inputs = batch()
    model.eval()
    expected = float(model(**inputs)["loss"])
    found: Any = training.prediction_step(model, inputs, prediction_loss_only=True)[0]
    assert float(found) == pytest.approx(expected, abs=1e-6)


def test_checkpointed_layers_repeat_their_draws(tmp_path: Path, vocabulary: Path) -> None:
    gradients = []
    for checkpointing in (False, True):
        model = without_dropout(tiny_model("bert"))
        training = trainer(SAttend(0.3), model, tmp_path, vocabulary)
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        before = hooks_of(model)
        torch.manual_seed(3)
        training.training_step(model, batch())
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
        assert hooks_of(model) == before
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_alpha_grows_over_its_share_of_the_steps(tmp_path: Path, vocabulary: Path) -> None:
    training: Any = trainer(SAttend(0.4, growth=0.5), tiny_model("bert"), tmp_path, vocabulary)
    training.state.max_steps = 8
    alphas = []
    for step in range(8):
        training.state.global_step = step
        alphas.append(round(training.alpha, 6))
    assert alphas == [0.0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.4, 0.4]


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path, vocabulary: Path) -> None:
    model = tiny_model("bert")
    with torch.no_grad():
        next(model.parameters()).fill_(torch.nan)
    with pytest.raises(TrainingDivergedError, match="the loss is nan at step 1; expected a finite"):
        trainer(SAttend(), model, tmp_path, vocabulary).train()


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("s-attend", {"alpha": 1.0}, r"alpha: expected a share in \[0, 1\), got 1.0"),
        ("s-attend", {"alpha": -0.1}, r"alpha: expected a share in \[0, 1\), got -0.1"),
        ("s-attend", {"granularity": "word"}, "granularity: expected one of unit, token, got"),
        (
            "none",
            {"alpha": 0.1},
            "alpha: 'none' has no such option; it belongs to hackattend-at, s-attend",
        ),
        (
            "s-atend",
            {},
            "defense: expected one of none, ada, .* did you mean 's-attend'",
        ),
    ],
)
def test_options_that_are_refused(name: str, options: dict[str, Any], line: str) -> None:
    with pytest.raises(InvalidInputError, match=line):
        defense_of(name, **options)
