"""Writes a tiny pretrained model, and texts that it learns in a second."""

from __future__ import annotations

import random
from pathlib import Path

import torch
from transformers import BertModel, BertTokenizerFast

from ..conftest import random_text, tiny_config


def write_pretrained(folder: Path, vocabulary: Path) -> str:
    """Writes a tiny BERT without a head, drawn so that it can learn, and returns its folder."""
    config = tiny_config("bert")
    config.update({"initializer_range": 0.1, "hidden_dropout_prob": 0.0})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder)
    return str(folder)


def write_reviews(folder: Path, train: int = 192, dev: int = 32) -> Path:
    """Writes texts that are positive if they have the word good, and returns their folder."""
    generator = random.Random(0)
    folder.mkdir()
    for name, count in (("train.tsv", train), ("dev.tsv", dev)):
        texts = [random_text(generator).replace("good", "dull") for _ in range(count)]
        lines = [f"{t} good good\t1" if n % 2 else f"{t} bad bad\t0" for n, t in enumerate(texts)]
        (folder / name).write_text("\n".join(lines))
    return folder
