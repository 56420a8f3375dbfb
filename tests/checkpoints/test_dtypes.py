"""Models are loaded in float32, whatever their weights were saved in."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from textattack_attend.checkpoints.loading import load_model

from ..conftest import tiny_model

IDS = {"input_ids": torch.tensor([[0, 7, 9, 11, 2]])}


def loaded(folder: Path) -> PreTrainedModel:
    model: PreTrainedModel = load_model(AutoModelForSequenceClassification, str(folder))
    model.eval()
    return model


def in_dtype(model: Any, dtype: torch.dtype) -> PreTrainedModel:
    converted: PreTrainedModel = model.to(dtype)
    return converted


def logits_of(model: PreTrainedModel) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = model(**IDS).logits
    return logits


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_is_loaded_in_single_precision_with_a_line(
    dtype: torch.dtype, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_dtype(tiny_model(), dtype).save_pretrained(tmp_path)
    with caplog.at_level(logging.WARNING, "textattack_attend"):
        model = loaded(tmp_path)
    assert model.dtype == torch.float32
    assert torch.equal(
        logits_of(model), logits_of(in_dtype(tiny_model(backend="sdpa"), dtype).float())
    )
    name = str(dtype).removeprefix("torch.")
    line = f"{tmp_path}: its weights were saved in {name}; they are loaded in float32"
    assert caplog.messages == [line]


def test_single_precision_is_loaded_without_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tiny_model().save_pretrained(tmp_path)
    with caplog.at_level(logging.WARNING, "textattack_attend"):
        model = loaded(tmp_path)
    assert torch.equal(logits_of(model), logits_of(tiny_model(backend="sdpa")))
    assert not caplog.messages


@pytest.mark.parametrize("field", ["dtype", "torch_dtype"])
def test_the_line_comes_under_the_names_of_both_versions(
    field: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tiny_model().bfloat16().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    fields = json.loads(path.read_text())
    fields.pop("dtype")
    path.write_text(json.dumps(fields | {field: "bfloat16"}))
    with caplog.at_level(logging.WARNING, "textattack_attend"):
        loaded(tmp_path)
    assert "saved in bfloat16" in caplog.text
