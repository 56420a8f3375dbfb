"""The embedded victim and its reviews, and the script that makes such a victim."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from textattack_attend.demo import REVIEWS_PATH, VICTIM_PATH
from textattack_attend.victims.victim import Victim

from ..conftest import SHARED, needs_shared


def read(path: Path) -> tuple[list[str], list[int]]:
    rows = [line.rsplit("\t", 1) for line in path.read_text(encoding="utf-8").splitlines()]
    return [text for text, _ in rows], [int(label) for _, label in rows]


@pytest.fixture(scope="module")
def demo() -> Victim:
    model = AutoModelForSequenceClassification.from_pretrained(VICTIM_PATH)
    return Victim(model, AutoTokenizer.from_pretrained(VICTIM_PATH))


def accuracy(victim: Victim, texts: list[str], labels: list[int]) -> float:
    parts = [texts[start : start + 64] for start in range(0, len(texts), 64)]
    predictions = torch.cat([victim.logits(part).argmax(-1) for part in parts])
    return float((predictions == torch.tensor(labels)).float().mean())


def test_the_reviews_are_many_different_and_balanced() -> None:
    texts, labels = read(REVIEWS_PATH)
    assert len(texts) >= 150
    assert len(set(texts)) == len(texts)
    assert Counter(labels) == {0: len(texts) // 2, 1: len(texts) // 2}


def test_the_victim_knows_the_words_of_the_reviews_and_most_labels(demo: Victim) -> None:
    texts, labels = read(REVIEWS_PATH)
    assert not any("[UNK]" in demo.tokens(text) for text in texts)
    assert accuracy(demo, texts, labels) > 0.8


def test_the_victim_is_small() -> None:
    assert (VICTIM_PATH / "model.safetensors").stat().st_size < 10e6


@needs_shared
def test_the_victim_is_at_least_80_percent_accurate_on_sst2_dev(demo: Victim) -> None:
    texts, labels = read(SHARED / "data" / "sst2" / "dev.tsv")
    assert len(texts) == 872
    assert accuracy(demo, texts, labels) >= 0.8


@needs_shared
def test_the_training_script_makes_a_victim_that_loads(tmp_path: Path) -> None:
    data, output = tmp_path / "data", tmp_path / "victim"
    data.mkdir()
    for name in ("train", "dev"):
        lines = (SHARED / "data" / "sst2" / f"{name}.tsv").read_text().splitlines()[:64]
        (data / f"{name}.tsv").write_text("\n".join(lines))
    teacher = SHARED / "victims" / "minilm-sst2"
    paths = ["--data", str(data), "--teacher", str(teacher), "--output", str(output)]
    sizes = ["--epochs", "1", "--variations", "64", "--passes", "1", "--vocabulary", "2000"]
    module = "tools.demo.train"
    done = subprocess.run(
        [sys.executable, "-m", module, *paths, *sizes], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "dev accuracy" in done.stderr
    model = AutoModelForSequenceClassification.from_pretrained(output)
    victim = Victim(model, AutoTokenizer.from_pretrained(output))
    assert torch.isfinite(victim.logits(["a film"])).all()
    assert str(tmp_path) not in (output / "config.json").read_text()
