"""Training with LoRA: what is trained, what is folded back, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import nn
from transformers import AutoModel, AutoModelForSequenceClassification

from textattack_attend.checkpoints.card import Card
from textattack_attend.commands.main import main
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.training.defenses import Defense
from textattack_attend.training.fine_tuning import fine_tune
from textattack_attend.training.lora import add_lora, fold_lora
from textattack_attend.training.tasks import TASKS

from ..conftest import tiny_model
from ..helpers.defense_steps import batch, trainer
from ..helpers.tiny_families import tiny
from ..helpers.tiny_training import write_pretrained, write_reviews
from .test_every_defense import METHODS


def model_of(family: str) -> Any:
    model: Any = tiny_model(family) if family == "bert" else tiny(family)
    model.config.pad_token_id = 0
    return model.eval()


def logits_of(model: Any) -> torch.Tensor:
    inputs = {name: rows for name, rows in batch().items() if name != "labels"}
    with torch.no_grad():
        logits: torch.Tensor = model(**inputs).logits
    return logits


@pytest.mark.parametrize("family", ["bert", "gpt2", "llama"])
def test_folding_leaves_the_answers_and_takes_the_matrices_out(family: str) -> None:
    model = model_of(family)
    names, before = list(model.state_dict()), logits_of(model)
    add_lora(model, 2)
    torch.testing.assert_close(logits_of(model), before)  # the product begins as zero
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(generator=torch.Generator().manual_seed(0))
    trained = logits_of(model)
    assert (trained - before).abs().max() > 1e-3
    fold_lora(model)
    torch.testing.assert_close(logits_of(model), trained, atol=1e-5, rtol=1e-4)
    assert list(model.state_dict()) == names
    assert all(weight.requires_grad for weight in model.parameters())


def test_lora_and_what_is_above_the_layers_are_trained() -> None:
    model = model_of("bert")
    add_lora(model, 2, ["query", "value"])
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    layers = model.config.num_hidden_layers
    assert sum("lora_A" in name for name in trained) == 2 * layers
    above = {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    assert {name for name in trained if "lora" not in name} == above | {
        "classifier.weight",
        "classifier.bias",
    }
    assert not any("lora" in name and ".key." in name for name in trained)


@pytest.mark.parametrize("defense", METHODS, ids=lambda defense: repr(defense)[:40])
def test_every_defense_trains_the_matrices_alone(
    defense: Defense, tmp_path: Path, vocabulary: Path
) -> None:
    model: Any = tiny_model("bert", "sdpa")
    add_lora(model, 2)
    training = trainer(defense, model, tmp_path, vocabulary)
    training.state.max_steps = 10
    training.state.global_step = 5
    training.training_step(model, batch())
    learning = [name for name, weight in model.named_parameters() if weight.grad is not None]
    assert any("lora_B" in name for name in learning)
    assert all("lora" in name or "pooler" in name or "classifier" in name for name in learning)


def test_a_trained_model_is_an_ordinary_checkpoint(tmp_path: Path, vocabulary: Path) -> None:
    """Linear weights of the layers differ from the pretrained ones by a product of rank 2."""
    start = write_pretrained(tmp_path / "start", vocabulary)
    data = write_reviews(tmp_path / "reviews")
    card = fine_tune(
        TASKS["sst2"],
        start,
        data,
        tmp_path / "victim",
        learning_rate=1e-2,
        epochs=4,
        batch_size=8,
        lora_rank=2,
        precision="float32",
    )
    assert card.lora_rank == 2
    assert Card.of(tmp_path / "victim") == card
    assert card.accuracy is not None
    assert card.accuracy > 0.9
    before = AutoModel.from_pretrained(start).state_dict()
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "victim")
    changed = 0
    for name, weight in model.bert.state_dict().items():
        change = weight - before[name]
        linear = isinstance(model.bert.get_submodule(name.rpartition(".")[0]), nn.Linear)
        if linear and name.endswith("weight") and "encoder" in name:
            assert int(torch.linalg.matrix_rank(change, rtol=1e-3)) == 2
            changed += 1
        elif "pooler" not in name:
            assert not change.abs().any(), name
    assert changed == 6 * model.config.num_hidden_layers
    assert wrapper_for(str(tmp_path / "victim"))(["a good good film"]).shape == (1, 2)


def test_modules_that_the_model_lacks_are_refused_with_those_it_has() -> None:
    with pytest.raises(InvalidInputError, match=r"dense, key, query, value, got 'q_proj'"):
        add_lora(model_of("bert"), 2, ["query", "q_proj"])


def test_modules_without_a_rank_are_refused_on_the_command_line(tmp_path: Path) -> None:
    given = ["train", "--data", f"{tmp_path}^sst2", "--model", "attend-demo", "--output"]
    done = CliRunner().invoke(
        main, [*given, str(tmp_path / "new"), "--lora-modules", "query, value"]
    )
    assert done.exit_code != 0
    said = str(done.exception) + done.output
    assert "lora_modules: expected a lora_rank beside them" in said
