"""Hidden states that are computed anew change no gradient, under any defense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from textattack_attend.training.defenses import Defense

from ..conftest import tiny_model
from ..helpers.defense_steps import batch, gradients_of, trainer, without_dropout
from ..helpers.tiny_families import tiny
from .test_every_defense import METHODS


@pytest.mark.parametrize("defense", METHODS, ids=lambda defense: repr(defense)[:40])
@pytest.mark.parametrize("family", ["bert", "llama"])
def test_gradients_are_those_of_hidden_states_that_are_kept(
    family: str, defense: Defense, tmp_path: Path, vocabulary: Path
) -> None:
    found = []
    for anew in (False, True):
        torch.manual_seed(0)
        model: Any = tiny_model("bert", "sdpa") if family == "bert" else tiny("llama", "sdpa")
        model.config.pad_token_id = 0
        model = without_dropout(model)
        training: Any = trainer(
            defense,
            model,
            tmp_path,
            vocabulary,
            gradient_checkpointing=anew,
            gradient_checkpointing_kwargs={"use_reentrant": False},
        )
        training.state.max_steps, training.state.global_step = 10, 5
        if anew:
            model.gradient_checkpointing_enable({"use_reentrant": False})
            assert model.is_gradient_checkpointing
        model.train()
        torch.manual_seed(1)
        loss = training.training_step(model, batch())
        found.append((loss, gradients_of(model)))
    (kept_loss, kept), (loss, anew_gradients) = found
    torch.testing.assert_close(loss, kept_loss)
    assert kept.keys() == anew_gradients.keys()
    for name, gradient in kept.items():
        torch.testing.assert_close(anew_gradients[name], gradient, atol=1e-6, rtol=1e-4, msg=name)
