"""No checkpoint chooses an attention in which nothing can be masked, as flash or flex."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch

from textattack_attend.checkpoints.loading import load
from textattack_attend.training.configuration import configuration_of
from textattack_attend.victims.victim import Victim

from ..conftest import tiny_model
from ..helpers.adapter_folders import adapted, saved_base

TEXTS = ["the film was never quite funny", "a good story"]
FIELDS = ("attn_implementation", "_attn_implementation", "_attn_implementation_internal")
"""The names that the field has had in configurations of several versions."""
FUSED = ("flash_attention_2", "flex_attention")


def asks_for(attention: str, field: str, folder: Path) -> None:
    """Writes into the configuration of a checkpoint that it wants some attention."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: attention}))


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("attention", FUSED)
def test_a_checkpoint_gets_an_attention_that_can_be_masked(
    attention: str, field: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = saved_base(tiny_model(), tmp_path)
    asks_for(attention, field, tmp_path)
    with caplog.at_level(logging.WARNING):
        model, tokenizer = load(str(tmp_path))
    assert model.config._attn_implementation == "sdpa"
    said = [own.getMessage() for own in caplog.records if attention in own.getMessage()]
    assert said == [
        f"{tmp_path}: its configuration asks for '{attention}', in which no unit can be masked; "
        "its attention is computed by PyTorch (sdpa or eager)"
    ]
    expected = Victim(plain, tokenizer).logits(TEXTS)
    assert torch.allclose(Victim(model, tokenizer).logits(TEXTS), expected, atol=1e-5)


def test_the_base_model_of_an_adapter_chooses_none_either(tmp_path: Path) -> None:
    base = saved_base(tiny_model(), tmp_path / "base")
    adapted(base, "query", task_type="SEQ_CLS").save_pretrained(str(tmp_path / "adapter"))
    asks_for("flex_attention", "attn_implementation", tmp_path / "base")
    assert load(str(tmp_path / "adapter"))[0].config._attn_implementation == "sdpa"


def test_a_model_is_not_trained_with_it(tmp_path: Path) -> None:
    saved_base(tiny_model(), tmp_path)
    asks_for("flex_attention", "attn_implementation", tmp_path)
    config = configuration_of(str(tmp_path), None, {}, 2)
    assert config._attn_implementation != "flex_attention"
