"""Whole structures beside TextAttack's CSV log, against the results of the same run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from textattack import AttackArgs, Attacker

from textattack_attend import AttentionModelWrapper, DemoReviews, HackAttendPlus
from textattack_attend.attacks.results import SuccessfulAttackResult
from textattack_attend.errors import InvalidInputError
from textattack_attend.structures import load


@pytest.fixture(scope="module")
def wrapper() -> AttentionModelWrapper:
    return AttentionModelWrapper.from_pretrained("attend-demo")


def attacked(wrapper: AttentionModelWrapper, log: Path | None, **options: Any) -> list[Any]:
    args = AttackArgs(
        log_to_csv=log and str(log),
        disable_stdout=True,
        silent=True,
        **{"num_examples": 6, **options},
    )
    results: list[Any] = Attacker(
        HackAttendPlus.build(wrapper), DemoReviews(), args
    ).attack_dataset()
    return results


def rows_of(folder: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("row-")) for path in folder.glob("*.safetensors"))


def test_each_success_has_its_whole_structure(
    wrapper: AttentionModelWrapper, tmp_path: Path
) -> None:
    results = attacked(wrapper, tmp_path / "log.csv")
    log = pd.read_csv(tmp_path / "log.csv")
    folder = tmp_path / "log-structures"
    assert rows_of(folder) == log.index[log["result_type"] == "Successful"].tolist()
    assert 0 < len(rows_of(folder)) < len(results) == len(log)
    for row, result in enumerate(results):
        if isinstance(result, SuccessfulAttackResult):
            saved = load(folder / f"row-{row:06}.safetensors")
            assert (saved.text, saved.structure) == (result.text, result.structure)
            assert saved.victim == wrapper.identity()
            assert log.loc[row, "original_text"] == result.text
    assert len(log.columns) == 9, "the columns are TextAttack's"


def test_an_earlier_run_leaves_nothing(wrapper: AttentionModelWrapper, tmp_path: Path) -> None:
    folder = tmp_path / "log-structures"
    attacked(wrapper, tmp_path / "log.csv")
    before = rows_of(folder)
    results = attacked(wrapper, tmp_path / "log.csv", num_examples=2)
    assert len(results) == 2
    assert rows_of(folder) == [row for row in before if row < 2]


def test_files_of_a_user_stay(wrapper: AttentionModelWrapper, tmp_path: Path) -> None:
    folder = tmp_path / "log-structures"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InvalidInputError, match=r"log-structures: expected no folder.*notes\.txt"):
        attacked(wrapper, tmp_path / "log.csv")
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_without_a_log_there_are_no_files(
    wrapper: AttentionModelWrapper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    attacked(wrapper, None, num_examples=1)
    assert list(tmp_path.iterdir()) == []


def textattack(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "textattack", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_command_line_says_where_they_are_and_resumes(tmp_path: Path) -> None:
    said = textattack(
        tmp_path,
        *("attack", "--recipe", "hackattend-plus", "--model", "attend-demo"),
        *("--num-examples", "4", "--log-to-csv", "log.csv", "--disable-stdout"),
        *("--checkpoint-interval", "2", "--checkpoint-dir", "checkpoints"),
    )
    assert "Saving the structure of each success in log-structures: row-000000.safetensors" in said
    folder = tmp_path / "log-structures"
    whole = {path.name: load(path).structure for path in folder.iterdir()}
    assert whole
    (folder / "row-000000.safetensors").unlink()
    (folder / "row-000099.safetensors").write_bytes(b"of another run")
    first = min((tmp_path / "checkpoints").iterdir())
    textattack(tmp_path, "attack-resume", "--checkpoint-file", str(first))
    assert {path.name: load(path).structure for path in folder.iterdir()} == whole
