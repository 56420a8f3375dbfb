"""Alignment attention: a step by hand, and who learns what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from textattack_attend.errors import InvalidInputError, UnsupportedModelError
from textattack_attend.training.defenses import AlignmentAttention, Defense, defense_of

from ..conftest import hooks_of, tiny_model
from ..helpers.defense_steps import batch, gradients_of, trainer, without_dropout
from ..helpers.tiny_families import tiny


def heads_of(rows: Tensor, heads: int) -> Tensor:
    return rows.view(*rows.shape[:2], heads, -1)


def test_a_step_by_hand(tmp_path: Path, vocabulary: Path) -> None:
    """The model's gradient raises the discriminators' loss, from queries and keys by hand."""
    model: Any = without_dropout(tiny_model("bert", "sdpa"))
    training: Any = trainer(AlignmentAttention(weight=0.7), model, tmp_path, vocabulary)
    training.companion.eval()
    training.companion.requires_grad_(False)
    inputs = batch()
    loss = training.training_step(model, dict(inputs))
    found = gradients_of(model)
    assert hooks_of(model) == []

    model.zero_grad()
    output = model(**inputs, output_hidden_states=True)
    real = inputs["attention_mask"].bool()
    heads = model.config.num_attention_heads
    losses = []
    for layer, discriminator in enumerate(training.companion):
        own = model.bert.encoder.layer[layer].attention.self
        states = output.hidden_states[layer]
        key, query = (heads_of(part(states), heads)[real] for part in (own.key, own.query))
        is_key, is_query = discriminator(key.flatten(0, 1)), discriminator(query.flatten(0, 1))
        losses.append(-is_key.sigmoid().log().mean() - (1 - is_query.sigmoid()).log().mean())
    apart: Any = torch.stack(losses).mean()
    assert float(loss) == pytest.approx(float(output.loss + 0.7 * apart), abs=1e-5)
    (output.loss - 0.7 * apart).backward()  # the model raises what the discriminators lower
    for name, gradient in gradients_of(model).items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-3)


def test_discriminators_learn_to_tell_keys_from_queries(tmp_path: Path, vocabulary: Path) -> None:
    model: Any = without_dropout(tiny_model("bert", "sdpa"))
    training: Any = trainer(AlignmentAttention(weight=1.0), model, tmp_path, vocabulary)
    for group in training._optimizer.param_groups:
        group["lr"] = 0.05
    plain = float(training.plain_step(model, batch(), None))
    first = float(training.training_step(model, batch())) - plain
    for _ in range(40):
        last = float(training.training_step(model, batch())) - plain
    assert last < 0.7 * first


def test_no_weight_trains_as_usual_bit_for_bit(tmp_path: Path, vocabulary: Path) -> None:
    trained = []
    for defense in (Defense(), AlignmentAttention(weight=0.0)):
        model = tiny_model("bert", "sdpa")
        trainer(defense, model, tmp_path / defense.name, vocabulary).train()
        trained.append(model.state_dict())
    for name, weight in trained[0].items():
        assert torch.equal(weight, trained[1][name])


@pytest.mark.parametrize("name", ["alignment-attention", "bayesian-attention"])
def test_attention_that_shows_no_queries_is_refused(
    name: str, tmp_path: Path, vocabulary: Path
) -> None:
    model = tiny_model("bert", "eager")
    training = trainer(defense_of(name), model, tmp_path, vocabulary)
    with pytest.raises(UnsupportedModelError, match="load the model with attn_implementation"):
        training.training_step(model, batch())
    assert hooks_of(model) == []


@pytest.mark.parametrize("name", ["alignment-attention", "bayesian-attention"])
def test_a_decoder_with_fewer_keys_than_queries_trains(
    name: str, tmp_path: Path, vocabulary: Path
) -> None:
    model: Any = tiny("llama", "sdpa")
    model.config.pad_token_id = 0
    assert model.config.num_key_value_heads < model.config.num_attention_heads
    loss = trainer(defense_of(name), model, tmp_path, vocabulary).training_step(model, batch())
    assert torch.isfinite(loss)


def test_options_that_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="weight: expected a number in"):
        defense_of("alignment-attention", weight=-1.0)
    with pytest.raises(InvalidInputError, match="hidden_size: expected"):
        defense_of("alignment-attention", hidden_size=0)
