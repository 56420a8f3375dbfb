"""The examples run as a user would run them, and the README shows the first of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from textattack_attend.victims.victim import Victim

ROOT = Path(__file__).parents[2]
# Hold a model for TextAttack's command line, or take arguments; tested where these are.
OTHERS = ("dream.py", "from_scratch.py", "zero_shot.py")
EXAMPLES = sorted(p for p in (ROOT / "examples").glob("*.py") if p.name not in OTHERS)
SHOWN = {
    "attack_dataset.py": "Attack success rate",
    "mask_your_own.py": "uniform:",
    "save_and_replay.py": "replayed:",
    "targeted_attack.py": "reviews that were not positive are now",
    "vision.py": "replayed: flips",
}


TRAINING = ("vision.py",)  # these take longer


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(path, marks=[pytest.mark.slow] * (path.name in TRAINING), id=path.name)
        for path in EXAMPLES
    ],
)
def test_examples_run(example: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(example)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert SHOWN[example.name] in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_readme_shows_the_first_example_in_at_most_twenty_lines() -> None:
    script = (ROOT / "examples" / "attack_dataset.py").read_text().split('"""\n', 2)[1].strip()
    assert script in (ROOT / "README.md").read_text()
    assert len(script.splitlines()) <= 20


def test_masking_by_hand_needs_no_textattack() -> None:
    code = (
        "import sys, runpy; sys.argv = ['x'];"
        f"runpy.run_path({str(ROOT / 'examples' / 'mask_your_own.py')!r});"
        "assert 'textattack' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("family", "first_is_special"), [("gpt2", 0), ("llama", 1), ("roberta", 1)]
)
def test_an_untrained_model_of_another_family(
    family: str, first_is_special: bool, tmp_path: Path
) -> None:
    (tmp_path / "train.tsv").write_text("a good film\t1\na dull plot , never good\t0\n" * 20)
    script, output = ROOT / "examples" / "from_scratch.py", tmp_path / "untrained"
    command = [sys.executable, str(script), family, str(tmp_path / "train.tsv"), str(output)]
    subprocess.run(command, check=True, capture_output=True)
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(output)
    victim = Victim(model, AutoTokenizer.from_pretrained(output))
    shape = victim.empty_structure("a good film").shape
    assert (shape.layers, shape.heads) == (4, 8)
    assert shape.first_is_special == first_is_special
    assert "film" in victim.tokens("a good film")[-1 - (family == "roberta")]
