"""The versions of transformers differ, and the package does the same under each of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from transformers import ModernBertConfig, TrainingArguments

from textattack_attend import versions


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A transformers without the class that flair imports."""
    module = ModuleType("transformers")
    monkeypatch.setitem(sys.modules, "transformers", module)
    return module


def test_the_class_that_flair_imports_is_there_for_a_moment(without: ModuleType) -> None:
    versions.provide_names_for_flair()
    assert isinstance(getattr(without, versions.DROPPED), type)
    versions.remove_names_for_flair()
    versions.remove_names_for_flair()
    assert not hasattr(without, versions.DROPPED)


def test_a_class_of_transformers_own_is_left_alone(without: ModuleType) -> None:
    setattr(without, versions.DROPPED, int)
    versions.provide_names_for_flair()
    versions.remove_names_for_flair()
    assert getattr(without, versions.DROPPED) is int


def test_flair_is_imported_and_nothing_is_left_in_transformers() -> None:
    code = (
        "import textattack_attend, transformers, flair;"
        f"own = vars(transformers).get('{versions.DROPPED}');"
        "print(getattr(own, '__module__', ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "textattack_attend" not in done.stdout


def test_the_arguments_of_a_training(tmp_path: Path) -> None:
    named = {**versions.warm_up(0.1), **versions.batches_of_like_lengths()}
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to=[], **named)
    assert arguments.get_warmup_steps(200) == 20
    strategy = getattr(arguments, "train_sampling_strategy", None)
    assert strategy == "group_by_length" or getattr(arguments, "group_by_length", False)


@pytest.mark.parametrize(
    ("every", "expected"), [(3, [False, True, True, False]), (2, [False, True, False, True])]
)
def test_the_local_layers_of_a_modernbert(every: int, expected: list[bool]) -> None:
    config = ModernBertConfig(num_hidden_layers=4, global_attn_every_n_layers=every)
    assert versions.is_local(config) == expected


def test_bars_of_weights_are_hidden_for_a_moment() -> None:
    from transformers.utils import logging

    before = logging.is_progress_bar_enabled()
    with versions.without_bars_of_weights():
        assert not logging.is_progress_bar_enabled()
    assert logging.is_progress_bar_enabled() == before
