"""Checkpoints of newer versions of transformers, and what an older one makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig, LlamaConfig

from textattack_attend import versions
from textattack_attend.checkpoints.loading import from_pretrained, load
from textattack_attend.errors import InvalidInputError, UnsupportedModelError

from ..conftest import tiny_model


def written(folder: Path, **fields: Any) -> str:
    (folder / "config.json").write_text(json.dumps(fields))
    return str(folder)


@pytest.fixture(params=["4.57.6", "5.24.0"])
def installed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(versions, "installed", lambda: request.param)
    return str(request.param)


def test_a_model_of_a_version_to_come_is_refused_with_that_version(tmp_path: Path) -> None:
    folder = written(tmp_path, model_type="futurebert", transformers_version="99.1.0")
    with pytest.raises(InvalidInputError) as refused:
        load(folder)
    line = str(refused.value)
    assert f"{folder}: expected a checkpoint that transformers {versions.installed()}" in line
    assert "got one saved by transformers 99.1.0; install that version or a newer one" in line
    assert "futurebert" in line
    assert "\n" not in line


def test_a_model_of_a_version_to_come_is_loaded_if_it_can_be(tmp_path: Path) -> None:
    tiny_model().save_pretrained(tmp_path)
    fields = json.loads((tmp_path / "config.json").read_text())
    fields["transformers_version"] = "99.1.0"
    config = from_pretrained(AutoConfig, written(tmp_path, **fields))
    assert config.num_hidden_layers == tiny_model().config.num_hidden_layers


@pytest.mark.parametrize("version", [None, "today", 5, "4.1"])
def test_any_other_version_is_not_blamed(version: Any, tmp_path: Path) -> None:
    folder = written(tmp_path, model_type="futurebert", transformers_version=version)
    with pytest.raises(InvalidInputError, match="expected the folder of a checkpoint"):
        load(folder)


@pytest.mark.parametrize(
    "fields",
    [
        {"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}},
        {"text_config": {"rope_parameters": {"rope_theta": 5e5}}},
        {"scale_decoder_outputs": False},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_field_that_only_transformers_5_reads(installed: str, fields: dict[str, Any]) -> None:
    """4.57 would rotate a Llama by its default angles, and answer with other logits."""
    if installed.startswith("5"):
        versions.require_readable("folder", fields)
        return
    with pytest.raises(InvalidInputError, match=r"folder: .*of transformers 5.*install"):
        versions.require_readable("folder", fields)


@pytest.mark.parametrize("fields", [{"rope_parameters": None}, {"scale_decoder_outputs": True}])
def test_a_field_that_changes_nothing(installed: str, fields: dict[str, Any]) -> None:
    versions.require_readable("folder", fields)


def test_a_llama_is_loaded_as_it_was_saved_or_not_at_all(tmp_path: Path) -> None:
    """Whatever version saved it."""
    saved = LlamaConfig(num_hidden_layers=1, rope_theta=5e5).to_dict()
    rope = {"rope_type": "default", "rope_theta": 5e5}
    folder = written(tmp_path, **{**saved, "rope_parameters": rope})
    if versions.installed().startswith("4"):
        with pytest.raises(InvalidInputError, match="rope_parameters"):
            from_pretrained(AutoConfig, folder)
    else:
        assert from_pretrained(AutoConfig, folder).rope_parameters["rope_theta"] == 5e5


def test_what_needs_a_newer_version(installed: str) -> None:
    versions.require_transformers("4.57", "models of type bert")
    if installed.startswith("5"):
        versions.require_transformers("5.0", "models of type eurobert")
        return
    with pytest.raises(UnsupportedModelError) as refused:
        versions.require_transformers("5.0", "models of type eurobert")
    assert "models of type eurobert: expected transformers 5.0 or newer, got 4.57.6;" in str(
        refused.value
    )
