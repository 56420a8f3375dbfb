"""Tables in a terminal: at most 100 columns, the most important metrics first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from textattack_attend.benchmark import Store
from textattack_attend.benchmark.tables import markdown
from textattack_attend.commands import tables
from textattack_attend.commands.tables import fitted, show

from ..helpers.stored_results import results_of, row
from .test_outputs import ACTING, HOSTILE, run

SAID = ("70.0% (61 to 79)  16.7% (9 to 25) ", "40.0% (31 to 50)  52.4% (42 to 62)")
COMPARISON = pd.DataFrame(
    {
        "victim": ["a victim with a name that is too long for any cell", "plain"],
        "attack": ["HackAttend", "HackAttend+"],
        "models": [1, 1],
        "clean": ["84.0%", "84.0%"],
        "robust": ["70.0% (61 to 79)", "40.0% (31 to 50)"],
        "ASR": ["16.7% (9 to 25)", "52.4% (42 to 62)"],
        "queries": ["97.9", "13.6"],
        "candidates": ["44.9", "7.93"],
        "words": ["", None],
        "Hamming": ["14.2", "12.5"],
        "seconds per success": ["1.14", "0.25"],
        "errors": [0, 2],
    }
)


def test_a_table_keeps_what_fits_in_its_order() -> None:
    lines, left_out = fitted(COMPARISON)
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == ["victim", "attack", "clean", "robust", "ASR", "queries", "words"]
    assert left_out == ["models", "candidates", "Hamming", "seconds per success", "errors"]
    assert lines[2:] == [
        f"{'a victim with a name that is':30}HackAttend   84.0%  {SAID[0]}  97.9",
        "too long for any cell",
        f"{'plain':30}HackAttend+  84.0%  {SAID[1]}  13.6",
    ]


def test_all_columns_are_shown_where_there_is_room() -> None:
    lines, left_out = fitted(COMPARISON[["attack", "Hamming", "errors"]])
    assert left_out == []
    assert lines[:3] == [
        "attack       Hamming  errors",
        "-----------  -------  ------",
        "HackAttend   14.2     0",
    ]


def test_no_text_acts_on_the_terminal() -> None:
    lines, _ = fitted(pd.DataFrame({"victim": [HOSTILE], HOSTILE: [0.123456]}))
    assert not ACTING.search("\n".join(lines))
    assert any(line.endswith("  0.1235") for line in lines)


def test_a_terminal_gets_the_narrow_table_and_a_pipe_the_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    show(COMPARISON, "the rest is there")
    said = capsys.readouterr()
    assert said.out == f"{markdown(COMPARISON)}\n"
    assert said.err == ""
    monkeypatch.setattr(tables, "in_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    show(COMPARISON, "the rest is there")
    said = capsys.readouterr()
    assert said.out.splitlines()[0].split() == ["victim", "attack", "clean", "queries"]
    assert said.err.startswith("left out: models, robust, ASR, ")
    assert " ".join(said.err.split()).endswith("; the rest is there")


def test_a_format_that_is_asked_for_is_whole_on_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "s.sqlite")
    results_of(store, {("A", "plain", "v"): [row(0, "failed", queries=1)]})
    given: list[Any] = ["results", "--store", store.path]
    monkeypatch.setattr("textattack_attend.commands.results.in_terminal", lambda: True)
    monkeypatch.setattr(tables, "in_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    assert run(*given).stdout.startswith("victim  attack  models  clean")
    assert run(*given, "--format", "markdown").stdout.startswith("| victim ")
    assert sys.stdout is not None
