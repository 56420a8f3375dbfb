"""Trials of ``textattack-attend``: what is refused leaves nothing, and labels stay as written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from textattack_attend.benchmark import read_recipe

from .trial import Trial, command, table

RECIPE = """
data: attend-demo
examples: 2
victims: {demo: attend-demo}
attacks:
  A: {recipe: hackattend-plus, options: {rounds: 1}}
"""


def refused_benchmark(folder: Path) -> str:
    recipe, store = folder / "recipe.yaml", folder / "new.sqlite"
    recipe.write_text(RECIPE.replace("rounds: 1", "rounds: 0"))
    try:
        return command("benchmark", recipe, "--store", store)
    finally:
        assert [path.name for path in folder.iterdir()] == ["recipe.yaml"]


def with_outcome(folder: Path) -> str:
    recipe, store = folder / "recipe.yaml", folder / "store.sqlite"
    recipe.write_text(RECIPE)
    command("benchmark", recipe, "--store", store)
    with sqlite3.connect(store) as database:
        database.execute("update examples set outcome = 'weird'")
    return command("results", "--store", store)


def labels(text: str) -> Callable[[Path], Any]:
    def read(folder: Path) -> list[str]:
        path = folder / "recipe.yaml"
        path.write_text(RECIPE.replace("demo:", f"{text}:"))
        return list(read_recipe(path).victims)

    return read


def checked(name: str) -> Callable[[Path], Any]:
    def check(folder: Path) -> bool:
        path = folder / "data.tsv"
        path.write_text("sentence\tlabel\nThe plot never comes alive.\t0\nA warm film.\t1\n")
        said = command("check", "--model", "attend-demo", "--data", f"{path}{name}")
        return "on 2 examples" in said

    return check


TRIALS = [
    Trial("a refused benchmark leaves no store", refused_benchmark, line="rounds: expected at"),
    Trial("a store with an outcome that is none", with_outcome, line="outcomes out of .*'weird'"),
    Trial("a dollar sign in a label", labels("'cost $HOME'"), answer=["cost $HOME"]),
    Trial("mathematics in a label", labels("'$$a$$'"), answer=["$$a$$"]),
    Trial("columns of a table for check", checked("^sentence,label"), answer=True),
    Trial(
        "the header of GLUE for check",
        checked(""),
        line=r"columns sentence, label: .*\^sentence,label",
    ),
    Trial(
        "a file that is missing for check",
        lambda folder: command("check", "--model", "attend-demo", "--data", folder / "no.tsv"),
        line="no.tsv: expected a data file, got none",
    ),
    Trial(
        "workers without a cluster",
        lambda folder: command("benchmark", "quick", "--workers", 2),
        line="--workers: expected --ray ADDRESS",
    ),
]


@pytest.mark.trial
@table(TRIALS)
def test_trial(trial: Trial, tmp_path: Path) -> None:
    trial.check(tmp_path)
