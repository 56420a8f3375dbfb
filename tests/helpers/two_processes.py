"""Trains with every defense in this process, or in one of several, for `test_two_processes`."""

from __future__ import annotations

import sys
from pathlib import Path

from accelerate import PartialState
from safetensors.torch import save_file

from textattack_attend.training.defenses import DEFENSES, defense_of

from ..conftest import tiny_model
from .defense_steps import trainer, without_dropout

DRAWING = ("s-attend", "afa", "bayesian-attention", "alignment-attention")
"""The defenses that draw once for a batch: one process and two with half a batch draw otherwise."""
OPTIONS = {
    "freelb": {"start": 0.0},
    "creat": {"start": 0.0},
    "awp": {"start": 0.0},
    "hackattend-at": {"alpha": 0.1},
}
BATCH = 6


def train_all(folder: Path, vocabulary: Path) -> None:
    """Trains three steps with every defense, and saves weights as ``NAME-RANK.safetensors``."""
    state = PartialState(cpu=True)
    for name in DEFENSES:
        # In single precision a batch and its halves can round a close choice of units apart.
        model = without_dropout(tiny_model("bert", "sdpa", labels=2)).double()
        defense = defense_of(name, **OPTIONS.get(name, {}))
        size = BATCH // state.num_processes
        settings = {"optim": "sgd", "learning_rate": 0.1, "per_device_train_batch_size": size}
        trained = trainer(defense, model, folder / name, vocabulary, **settings)
        trained.train()
        weights = {key: weight.clone() for key, weight in model.state_dict().items()}
        save_file(weights, folder / f"{name}-{state.process_index}.safetensors")


if __name__ == "__main__":
    train_all(Path(sys.argv[1]), Path(sys.argv[2]))
