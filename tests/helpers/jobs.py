"""A folder with tiny models and data, and commands on them that take less than a second each."""

from __future__ import annotations

import random
from pathlib import Path

from transformers import BertTokenizerFast

from textattack_attend.models.wrappers import wrapper_for

from ..conftest import random_text, random_texts, tiny_model

RECIPE = """
data: data.tsv^text,label
victims:
  tiny: victim
attacks:
  HackAttend: {recipe: hackattend, options: {mask_fraction: 0.1}}
  words: {recipe: deepwordbug}
"""
EXAMPLES = 8
ROWS = 2 * EXAMPLES
BENCHMARK = ("benchmark", "recipe.yaml", "--store", "rows.sqlite")
REPORT = ("report", "--store", "rows.sqlite", "--output", "page.html")
TRAIN = (
    *("train", "--task", "text,label", "--model", "victim", "--data", ".", "--output", "trained"),
    *("--epochs", "3", "--batch-size", "16", "--precision", "float32"),
)
ATTACK = (
    *("attack", "--recipe", "hackattend", "--model", "attend-demo", "--num-examples", "6"),
    *("--log-to-csv", "log.csv", "--checkpoint-interval", "2", "--checkpoint-dir", "saved"),
)


def write_all(folder: Path, vocabulary: Path) -> None:
    """Writes all files that the commands read."""
    tiny_model("bert", labels=2).save_pretrained(folder / "victim")
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder / "victim")
    (folder / "recipe.yaml").write_text(RECIPE)
    texts = random_texts(EXAMPLES, seed=4)
    labels = wrapper_for(str(folder / "victim"))(texts).argmax(1).tolist()
    _write_rows(folder / "data.tsv", texts, labels)
    generator = random.Random(0)
    for name, count in (("train.tsv", 96), ("dev.tsv", 16)):
        endings = ["good good" if number % 2 else "bad bad" for number in range(count)]
        texts = [f"{random_text(generator)} {ending}" for ending in endings]
        _write_rows(folder / name, texts, [number % 2 for number in range(count)])


def _write_rows(path: Path, texts: list[str], labels: list[int]) -> None:
    rows = [f"{text}\t{label}" for text, label in zip(texts, labels, strict=True)]
    path.write_text("\n".join(["text\tlabel", *rows, ""]))
