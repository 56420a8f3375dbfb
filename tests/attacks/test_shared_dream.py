"""On a real multiple-choice victim: the reference table, and TextAttack's own command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ..conftest import SHARED, needs_shared

pytestmark = needs_shared
VICTIM = SHARED / "victims" / "minilm-dream"
DEV = SHARED / "data" / "dream" / "dev.json"
EXAMPLE = Path(__file__).parents[2] / "examples" / "dream.py"

# What a plain prototype measured on the first 100 questions, of which 49 are answered correctly:
# successes, candidate queries per attacked question, masked units per perturbed matrix. Where the
# queries are 17.5 we need 17.9: one question's path, of 49, may turn on a rounding.
REFERENCE: dict[str, tuple[dict[str, Any], int, float, float]] = {
    "1%": ({}, 49, 4.0, 259),
    "1%, released": ({"choice_budget": "released"}, 47, 10.0, 1890),
    "1%, first order": ({"ranking": "first_order"}, 49, 2.4, 259),
    "0.1%": ({"mask_fraction": 0.001}, 47, 17.5, 26),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_table(name: str) -> None:
    from transformers import AutoModelForMultipleChoice, AutoTokenizer

    from textattack_attend.attack_recipes import HackAttendLiong2024
    from textattack_attend.datasets import dream
    from textattack_attend.models.wrappers import AttentionModelWrapper

    options, successes, candidate_queries, hamming = REFERENCE[name]
    model = AutoModelForMultipleChoice.from_pretrained(VICTIM, dtype="float32")
    wrapper = AttentionModelWrapper(model, AutoTokenizer.from_pretrained(VICTIM), max_tokens=128)
    dataset = dream(DEV)
    attack = HackAttendLiong2024.build(wrapper, **options)
    results = list(attack.attack_many(dataset[at] for at in range(100)))
    attacked = [r for r in results if type(r).__name__ != "SkippedAttackResult"]
    broken = [r for r in attacked if type(r).__name__ == "SuccessfulAttackResult"]
    queries = sum(r.candidate_queries for r in attacked) / len(attacked)
    distance = sum(r.structure.hamming_distance for r in broken) / len(broken)
    assert len(attacked) == 49
    assert abs(len(broken) - successes) <= 1
    assert queries == pytest.approx(candidate_queries, rel=0.025)
    assert distance == pytest.approx(hamming, rel=0.02)


def test_dream_on_textattacks_command_line() -> None:
    command = "from textattack.commands.textattack_cli import main; main()"
    arguments = ["attack", "--recipe", "hackattend", "--num-examples", "3"]
    arguments += ["--model-from-file", str(EXAMPLE), "--dataset-from-file", f"{DEV}^dream"]
    environment = os.environ | {"DREAM_MODEL": str(VICTIM)}
    done = subprocess.run(
        [sys.executable, "-c", command, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Number of successful attacks:   | 2" in done.stdout
