"""The stock command line in fresh processes: no network, no NLTK data, no cache."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from transformers import AutoModelForMaskedLM, BertConfig

from textattack_attend.demo import VICTIM_PATH

RECIPES = Path(__file__).parents[2] / "recipes"
NO_NETWORK = """
import socket
def refuse(*_, **__):
    raise OSError("the tests block the network")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
"""


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A machine without a network, NLTK's data, or anything in the home folder."""
    home = tmp_path_factory.mktemp("home")
    (home / "sitecustomize.py").write_text(NO_NETWORK)
    environment = {k: v for k, v in os.environ.items() if k not in ("NLTK_DATA", "TA_CACHE_DIR")}
    return {**environment, "HOME": str(home), "PYTHONPATH": str(home)}


def textattack(
    arguments: Sequence[str], environment: dict[str, str], answer: str = ""
) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("textattack")
    return subprocess.run(
        [str(command), *arguments],
        env=environment,
        cwd=environment["HOME"],
        input=answer,
        capture_output=True,
        text=True,
        check=False,
    )


def attack(
    *arguments: str, environment: dict[str, str], recipe: str = "hackattend", answer: str = ""
) -> subprocess.CompletedProcess[str]:
    given = ["attack", "--recipe", recipe, "--model", "attend-demo", *arguments]
    return textattack(given, environment, answer)


def summary(output: str) -> dict[str, str]:
    """The rows of TextAttack's table."""
    return dict(re.findall(r"^\| (\S[^|]*?):? +\| (\S+) +\|$", output, re.MULTILINE))


def test_the_main_job(offline: dict[str, str], tmp_path: Path) -> None:
    logs = ("--log-to-csv", str(tmp_path / "log.csv"), "--log-to-txt", str(tmp_path / "log.txt"))
    done = attack("--num-examples", "20", *logs, environment=offline)
    assert done.returncode == 0, done.stderr
    rows = summary(done.stdout)
    successes = int(rows["Number of successful attacks"])
    assert successes >= 1
    assert successes + int(rows["Number of failed attacks"]) <= 20
    assert rows["Average perturbed word %"] == "0.0%"
    assert 1 <= float(rows["Average Hamming distance"]) <= 0.01 * 127**2
    assert 1 <= float(rows["Perturbed matrices per success"]) <= 48
    assert rows["Masked share of all units"].endswith("%")
    assert float(rows["Avg candidate queries"]) < float(rows["Avg num queries"])
    assert rows["Avg gradient passes"] == "1.0"
    assert re.search(r"^L\d H\d: .* -> .*$", done.stdout, re.MULTILINE)
    assert "Warning" not in done.stderr.split("Attack(")[-1]
    assert_logs_agree(tmp_path, successes)


def assert_logs_agree(folder: Path, successes: int) -> None:
    with (folder / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    flipped = [row for row in rows if row["result_type"] == "Successful"]
    assert len(rows) == 20
    assert len(flipped) == successes
    assert all(row["original_output"] != row["perturbed_output"] for row in flipped)
    assert all(re.match(r"L\d H\d: \[\[.* -> ", row["perturbed_text"]) for row in flipped)
    assert (folder / "log.txt").read_text().count("masked ") == successes


def test_hackattend_plus_succeeds_more_often(offline: dict[str, str]) -> None:
    both = {
        recipe: attack("--num-examples", "12", environment=offline, recipe=recipe)
        for recipe in ("hackattend", "hackattend-plus")
    }
    rows = {recipe: summary(done.stdout) for recipe, done in both.items()}
    ours, theirs = (
        int(rows[recipe]["Number of successful attacks"])
        for recipe in ("hackattend-plus", "hackattend")
    )
    assert ours > theirs
    assert re.search(r"^L\d H\d: .* -> .*$", both["hackattend-plus"].stdout, re.MULTILINE)
    assert float(rows["hackattend-plus"]["Avg gradient passes"]) <= 15


def test_a_json_summary_has_the_rows(offline: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    log = ("--log-summary-to-json", str(path))
    done = attack("--num-examples", "4", *log, environment=offline)
    assert done.returncode == 0, done.stderr
    rows = json.loads(path.read_text())["Attack Results"]
    assert rows["Avg gradient passes:"] == 1.0
    assert "Average Hamming distance:" in rows


def test_all_recipes_are_listed(offline: dict[str, str]) -> None:
    done = textattack(["list", "attack-recipes", "--plain"], offline)
    for name in (
        "hackattend",
        "hackattend-plus",
        "hackattend-half-scale",
        "hackattend-random",
        "hackattend-importance-only",
        "hackattend-gradient-only",
        "hackattend-attention-ranking",
    ):
        assert f"\n{name} (textattack_attend.attack_recipes.HackAttend" in done.stdout
    for name in ("textfooler-transformers", "bert-attack-transformers"):
        assert f"\n{name} (textattack_attend.attack_recipes." in done.stdout


@pytest.mark.parametrize(
    "recipe",
    [
        "table2.py^half_scale",
        "table3.py^baseline",
        "table5.py^alpha_0_01_percent",
        "hackattend_plus.py^bfloat16",
    ],
)
def test_recipe_files_run(recipe: str, offline: dict[str, str]) -> None:
    file = ["--attack-from-file", str(RECIPES / recipe)]
    model = ["--model", "attend-demo", "--num-examples", "2"]
    done = textattack(["attack", *file, *model], offline)
    assert done.returncode == 0, done.stderr
    assert "Avg candidate queries" in done.stdout


def test_a_checkpoint_resumes_to_the_same_summary(offline: dict[str, str], tmp_path: Path) -> None:
    """With a random recipe: its draws must not depend on where the run was cut."""
    save = ("--checkpoint-interval", "3", "--checkpoint-dir", str(tmp_path))
    whole = attack(
        "--num-examples", "6", *save, environment=offline, recipe="hackattend-importance-only"
    )
    first, last = sorted(tmp_path.iterdir())
    last.unlink()
    resumed = textattack(["attack-resume", "--checkpoint-file", str(first)], offline)
    assert resumed.returncode == 0, resumed.stderr
    assert summary(resumed.stdout) == summary(whole.stdout)
    assert "attacked: 0 of 3" in resumed.stderr


def test_the_seed_decides_and_a_budget_is_kept(offline: dict[str, str]) -> None:
    def scores(*arguments: str) -> list[dict[str, str]]:
        path = Path(offline["HOME"]) / "scores.csv"
        log = ("--num-examples", "5", "--log-to-csv", str(path), *arguments)
        done = attack(*log, environment=offline, recipe="hackattend-random")
        assert done.returncode == 0, done.stderr
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:  # in which kernels the engine multiplies may change the last digits
            row |= {key: f"{float(row[key]):.4f}" for key in row if key.endswith("_score")}
        return rows

    first, again, other = (scores("--random-seed", seed) for seed in ("1", "1", "2"))
    assert first == again
    assert first != other
    limited = scores("--query-budget", "9")
    assert max(int(row["num_queries"]) for row in limited) == 9


def test_interactive_mode(offline: dict[str, str]) -> None:
    done = attack("--interactive", environment=offline, answer="a dull and lifeless film\n\nq\n")
    assert done.returncode == 0, done.stderr
    assert "a dull and lifeless film" in done.stdout


def test_a_dataset_is_checked_before_anything_is_written(
    offline: dict[str, str], tmp_path: Path
) -> None:
    data = tmp_path / "data.py"
    data.write_text(
        "from textattack.datasets import Dataset\n"
        "dataset = Dataset([('a fine film', 1), ('', 0), ('dull', 2)])\n"
        "labels = Dataset([('a fine film', 1), ('dull', 2)])\n"
    )
    log = tmp_path / "log.txt"
    for name, line in (
        ("dataset", "example 1 of the dataset: empty text ''"),
        ("labels", "example 1 of the dataset: label 2: expected one of the model's 2 classes"),
    ):
        source = ["--dataset-from-file", f"{data}^{name}", "--model", str(VICTIM_PATH)]
        given = ["attack", "--recipe", "hackattend", *source, "--num-examples", "-1"]
        done = textattack([*given, "--log-to-txt", str(log)], offline)
        assert done.returncode == 1
        assert f"textattack: error: {line}" in done.stderr
        assert "Traceback" not in done.stderr
        assert not log.exists()


def test_a_dataset_that_is_asked_for_replaces_the_demos_own(
    offline: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(
        "from textattack.datasets import Dataset\n"
        "dataset = Dataset([('a gripping film', 1), ('a dull and endless bore', 0)])\n"
    )
    given = ("--dataset-from-file", str(tmp_path / "own.py"), "--num-examples", "2")
    done = attack(*given, environment=offline)
    assert done.returncode == 0, done.stderr
    assert "a gripping film" in done.stdout
    assert "a dull and endless bore" in done.stdout


def test_a_model_without_a_head_is_refused_in_one_line(
    offline: dict[str, str], tmp_path: Path
) -> None:
    config = BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
    AutoModelForMaskedLM.from_config(config).save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (tmp_path / name).write_bytes((VICTIM_PATH / name).read_bytes())
    assert_refused(tmp_path, offline, "the checkpoint is a BertForMaskedLM without")


def test_nan_weights_are_refused_in_one_line(offline: dict[str, str], tmp_path: Path) -> None:
    for file in VICTIM_PATH.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    weights["classifier.weight"] *= float("nan")
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    assert_refused(tmp_path, offline, "the model's logits are NaN or infinite")


def assert_refused(model: Path, environment: dict[str, str], line: str) -> None:
    data = model / "data.py"
    data.write_text("from textattack_attend.datasets import DemoReviews\ndataset = DemoReviews()\n")
    given = ["attack", "--recipe", "hackattend", "--model", str(model)]
    done = textattack([*given, "--dataset-from-file", str(data)], environment)
    assert done.returncode == 1
    assert f"textattack: error: {line}" in done.stderr
    assert "Traceback" not in done.stderr


def test_python_runs_the_package_as_its_command() -> None:
    def said(*command: str) -> str:
        done = subprocess.run([*command, "ls", "--help"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    module = said(sys.executable, "-m", "textattack_attend")
    assert module == said(str(Path(sys.executable).with_name("textattack-attend")))
    assert module.startswith("Usage: textattack-attend ls")
