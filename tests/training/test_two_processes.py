"""Two processes train as one: the same weights after the same batches, in halves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from textattack_attend.training.defenses import DEFENSES

from ..helpers.two_processes import DRAWING, train_all


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path: Path, vocabulary: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = ["-m", "tests.helpers.two_processes", str(two), str(vocabulary)]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, *launch, *script], cwd=root, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    train_all(one, vocabulary)
    for name in DEFENSES:
        first, second = (load_file(two / f"{name}-{rank}.safetensors") for rank in range(2))
        alone = load_file(one / f"{name}-0.safetensors")
        moved = False
        for key, weight in first.items():
            torch.testing.assert_close(weight, second[key], atol=0, rtol=0)
            if name not in DRAWING:
                torch.testing.assert_close(weight, alone[key], atol=1e-9, rtol=1e-8)
            moved |= not torch.equal(weight, load_file(one / "none-0.safetensors")[key])
        assert moved or name in ("none", "ada")
