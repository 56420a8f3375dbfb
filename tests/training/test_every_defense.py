"""Laws that hold for every defense: it learns, it leaves nothing behind, and the seed decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import BertForMultipleChoice

from textattack_attend.training.defenses import (
    ADA,
    AFA,
    ASA,
    AWP,
    DEFENSES,
    AlignmentAttention,
    BayesianAttention,
    CreAT,
    Defense,
    FreeLB,
    HackAttendAT,
    RDrop,
    SAttend,
)

from ..conftest import hooks_of, tiny_config, tiny_model
from ..helpers.defense_steps import batch, trainer, without_dropout

METHODS = [
    Defense(),
    SAttend(0.3, "unit"),
    SAttend(0.3, "token"),
    AFA(),
    AFA(exploration=0.5, layers=(0,), heads=(0,)),
    AFA(masks="chance"),
    FreeLB(),
    CreAT(),
    HackAttendAT(),
    RDrop(),
    AWP(clean=True),
    ASA(),
    AlignmentAttention(),
    BayesianAttention(),
    BayesianAttention(prior="contextual"),
]
every = pytest.mark.parametrize("defense", METHODS, ids=lambda defense: repr(defense)[:40])
STEPS, RATE = 20, 0.05


def test_the_table_has_every_defense_that_changes_a_step() -> None:
    """ADA changes the data; its own tests train under the structures that it adds."""
    assert {defense.name for defense in METHODS} == set(DEFENSES) - {ADA.name}


def chooser() -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return without_dropout(BertForMultipleChoice(tiny_config("bert")))


def questions() -> dict[str, Tensor]:
    inputs = {name: rows[None] for name, rows in batch().items() if name != "labels"}
    return {**inputs, "labels": torch.tensor([1])}


def plain_loss(model: Any, inputs: dict[str, Tensor]) -> float:
    model.eval()
    with torch.no_grad():
        loss = float(model(**inputs).loss)
    model.train()
    return loss


@every
@pytest.mark.parametrize("task", ["classes", "choices"])
def test_a_few_steps_teach_the_plain_text(
    task: str, defense: Defense, tmp_path: Path, vocabulary: Path
) -> None:
    torch.manual_seed(0)
    model = chooser() if task == "choices" else without_dropout(tiny_model("bert", "sdpa"))
    inputs = questions() if task == "choices" else batch()
    training = trainer(defense, model, tmp_path, vocabulary)
    training.state.max_steps = STEPS
    optimizer = torch.optim.SGD(model.parameters(), RATE)
    before = plain_loss(model, inputs)
    for step in range(STEPS):
        training.state.global_step = step
        optimizer.zero_grad()
        training.training_step(model, dict(inputs))
        assert hooks_of(model) == []
        optimizer.step()
    assert plain_loss(model, inputs) < 0.8 * before


@every
def test_the_seed_decides_what_is_learnt(
    defense: Defense, tmp_path: Path, vocabulary: Path
) -> None:
    def trained(seed: int) -> dict[str, Tensor]:
        model = tiny_model("bert", "sdpa")
        settings = {"save_strategy": "no", "seed": seed}
        trainer(defense, model, tmp_path, vocabulary, **settings).train()
        return {name: weight.clone() for name, weight in model.state_dict().items()}

    first, again, other = trained(1), trained(1), trained(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)
