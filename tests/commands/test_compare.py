"""Two victims of one run, compared example by example, with answers computed by hand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from textattack_attend.benchmark import Results, Store
from textattack_attend.benchmark.pairing import between_victims

from ..helpers.stored_results import results_of, row

OUTCOMES = {
    ("plain", "X", "plain-0"): ["failed", "failed", "succeeded", "skipped"],
    ("plain", "X", "plain-1"): ["failed", "succeeded", "succeeded", "failed"],
    ("defended", "X", "defended"): ["failed", "succeeded", "failed", "failed"],
}
"""Under X, shares of right answers: 1, 1/2, 0, 1/2 of plain, and 1, 0, 1, 1 of defended."""


@pytest.fixture
def store(tmp_path: Path) -> str:
    path = tmp_path / "store.sqlite"
    results_of(Store(path), {key: _rows(outcomes) for key, outcomes in OUTCOMES.items()})
    return str(path)


def _rows(outcomes: list[str]) -> list[Any]:
    return [row(position, outcome) for position, outcome in enumerate(outcomes)]


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("textattack-attend")
    return subprocess.run(
        [str(command), "compare", *arguments], capture_output=True, text=True, check=False
    )


def test_two_victims_of_a_run_by_hand(store: str) -> None:
    shown = compare(store, "--victims", "plain", "defended")
    assert shown.returncode == 0, shown.stderr
    heading, _, *lines = (_cells(line) for line in shown.stdout.splitlines())
    assert heading == [
        *("attack", "accuracy", "models", "examples", "plain", "defended", "difference", "p"),
        *("only plain", "only defended"),
    ]
    before, after = lines
    intervals = [re.sub(r" \(.*\)", "", line.pop(6)) for line in (before, after)]
    assert intervals == ["+12.5", "+25.0"]
    for line in (before, after):
        assert 0.05 < float(line.pop(6)) <= 1
    assert before == ["X", "before", "2 and 1", "4", "87.5%", "100.0%", "0", "0.5"]
    assert after == ["X", "after", "2 and 1", "4", "50.0%", "75.0%", "0.5", "1.5"]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_interval_is_paired(tmp_path: Path) -> None:
    """The second holds on every second example, all of which the first one loses.

    Its interval, 50 +- 9.8 in the normal approximation for 100 examples, is that of a share.
    """
    held = ["failed" if n % 2 else "succeeded" for n in range(100)]
    rows = {("A", "X", "a"): _rows(["succeeded"] * 100), ("B", "X", "b"): _rows(held)}
    table = between_victims(results_of(Store(tmp_path / "s"), rows), "A", "B")
    before, after = table["difference"]
    assert before == "+0.0 (-1.9 to +1.9)"
    said = re.fullmatch(r"\+50\.0 \(\+([\d.]+) to \+([\d.]+)\)", after)
    assert said is not None
    assert float(said[1]) == pytest.approx(40.2, abs=1.5)
    assert float(said[2]) == pytest.approx(59.8, abs=1.5)


def test_only_seeds_that_attacked_both_count() -> None:
    """Seed 2 of the first victim has none of the second beside it."""
    columns = ["victim", "attack", "checkpoint", "seed", "position", "outcome"]
    rows = [
        ("A", "X", "a", 1, 0, "failed"),
        ("A", "X", "a", 2, 0, "succeeded"),
        ("B", "X", "b", 1, 0, "failed"),
    ]
    results: Any = SimpleNamespace(rows=pd.DataFrame(rows, columns=columns))
    _, after = between_victims(results, "A", "B").to_dict("records")
    assert (after["A"], after["B"]) == ("100.0%", "100.0%")


def test_a_victim_may_be_named_as_a_heading(tmp_path: Path) -> None:
    rows = {("attack", "X", "a"): _rows(["failed"]), ("B", "X", "b"): _rows(["succeeded"])}
    table = between_victims(results_of(Store(tmp_path / "s"), rows), "attack", "B")
    assert table["attack itself"].tolist() == ["100.0%", "100.0%"]
    assert table["attack"].tolist() == ["X", "X"]


def test_errors_count_for_neither(tmp_path: Path) -> None:
    rows = {("A", "X", "a"): _rows(["failed", "error"]), ("B", "X", "b"): _rows(["failed"] * 2)}
    results: Results = results_of(Store(tmp_path / "s"), rows)
    assert list(between_victims(results, "A", "B")["examples"]) == [1, 1]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("--victims", "plain", "defendet"),
            "victims: expected one of plain, defended, got 'defendet'; did you mean 'defended'?",
        ),
        (
            ("--victims", "plain", "plain"),
            "victims: expected two different ones, got 'plain' twice",
        ),
        ((), "expected a second store, or two victims or attacks of one run: --victims A B"),
        (
            ("--victims", "plain", "defended", "--second-run", "1"),
            "--victims: expected one store and at most --first-run beside it",
        ),
    ],
)
def test_mistakes_are_answered_in_a_line(store: str, arguments: tuple[str, ...], line: str) -> None:
    shown = compare(store, *arguments)
    assert shown.returncode != 0
    assert line in shown.stderr
    assert "Traceback" not in shown.stderr
