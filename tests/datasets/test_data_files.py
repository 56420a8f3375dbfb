"""Data files, choices and prompts on TextAttack's command line, in fresh processes."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, BertForMultipleChoice, BertTokenizerFast

from textattack_attend.checkpoints.card import Card

from ..conftest import random_text, tiny_config, tiny_model
from ..helpers.tiny_families import tiny, tiny_tokenizer

ROOT = Path(__file__).parents[2]
NLI = "premise,hypothesis,class\n{}"


def textattack(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("textattack")
    return subprocess.run(
        [str(command), "attack", *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generator, path = random.Random(0), tmp_path_factory.mktemp("pairs") / "nli.csv"
    rows = [f"{random_text(generator)},{random_text(generator)},{n % 3}" for n in range(12)]
    path.write_text(NLI.format("\n".join(rows)))
    return path


@pytest.fixture(scope="module")
def pair_model(vocabulary: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("pair model")
    tiny_model("bert").save_pretrained(folder)
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def choice_model(vocabulary: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("choice model")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertForMultipleChoice(tiny_config("bert")).save_pretrained(folder)
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generator, path = random.Random(1), tmp_path_factory.mktemp("questions") / "dev.json"
    entries = []
    for number in range(6):
        choices = ["good film", "bad plot", "dull"]
        asked = {"question": "the film is", "choice": choices, "answer": choices[number % 3]}
        entries.append([[random_text(generator)], [asked], str(number)])
    path.write_text(json.dumps(entries))
    return path


def test_text_pairs_from_a_csv(pair_model: str, pairs: Path) -> None:
    done = textattack(
        *("--recipe", "hackattend", "--model", pair_model, "--num-examples", "12"),
        *("--dataset-from-file", f"{pairs}^premise,hypothesis,class"),
    )
    assert done.returncode == 0, done.stderr
    assert "Premise" in done.stdout
    assert "Avg candidate queries" in done.stdout


@pytest.mark.parametrize("recipe", ["hackattend", "deepwordbug"])
def test_a_checkpoint_that_scores_choices(recipe: str, choice_model: str, questions: Path) -> None:
    done = textattack(
        *("--recipe", recipe, "--model", choice_model, "--num-examples", "6"),
        *("--dataset-from-file", f"{questions}^dream"),
    )
    assert done.returncode == 0, done.stderr
    skipped, attacked = counts(done.stdout)
    assert attacked
    assert skipped + attacked == 6
    assert "Choice 3" in done.stdout


def test_a_language_model_with_a_prompt(tmp_path: Path) -> None:
    tiny("gpt2", auto=AutoModelForCausalLM).save_pretrained(tmp_path / "model")
    tiny_tokenizer("gpt2").save_pretrained(tmp_path / "model")
    (tmp_path / "dev.tsv").write_text("a good film\t1\ndull dull plot\t0\nthe actor\t1\n")
    done = textattack(
        *("--recipe", "hackattend", "--num-examples", "3"),
        *("--model-from-file", str(ROOT / "examples" / "zero_shot.py")),
        *("--dataset-from-file", f"{tmp_path / 'dev.tsv'}^sst2"),
        LANGUAGE_MODEL=str(tmp_path / "model"),
        TEMPLATE="{} the film is",
        LABEL_WORDS="bad,good",
    )
    assert done.returncode == 0, done.stderr
    assert sum(counts(done.stdout)) == 3


@pytest.mark.parametrize("recipe", ["hackattend", "deepwordbug"])
def test_a_defended_checkpoint_says_how_it_was_trained(
    recipe: str, pair_model: str, pairs: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(pair_model, tmp_path / "defended")
    card = Card(
        "sst2",
        "s-attend",
        {"alpha": 0.2, "granularity": "unit"},
        "m",
        "d",
        1e-5,
        32,
        3,
        128,
        {},
        0,
        "float32",
    )
    card.write(folder)
    done = textattack(
        *("--recipe", recipe, "--model", str(folder), "--num-examples", "2"),
        *("--dataset-from-file", f"{pairs}^premise,hypothesis,class"),
    )
    assert done.returncode == 0, done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("| Defense:")]
    assert "s-attend (alpha=0.2, granularity=unit)" in row


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("premise,hypothesis,label", "line 1: expected a column 'label', got the columns premise"),
        (
            "",
            "expected one of dream, dream-first, hellaswag, reclor, sst2 behind the file",
        ),
        ("premise,hypothesis,premise", "expected different columns for the texts and the label"),
    ],
)
def test_a_wrong_data_file_gets_one_line(
    name: str, line: str, pair_model: str, pairs: Path
) -> None:
    done = textattack(
        *("--recipe", "hackattend", "--model", pair_model),
        *("--dataset-from-file", f"{pairs}^{name}"),
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"textattack: error: {pairs}")
    assert line in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def counts(summary: str) -> tuple[int, int]:
    """Skipped and attacked examples, from the table of a run."""
    numbers = {
        row.split("|")[1].strip(): row.split("|")[2].strip()
        for row in summary.splitlines()
        if row.startswith("| Number of")
    }
    attacked = ("Number of successful attacks:", "Number of failed attacks:")
    return (
        int(numbers["Number of skipped attacks:"]),
        sum(int(numbers[name]) for name in attacked),
    )
