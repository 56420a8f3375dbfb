"""The results that most tests of the report show, and the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from textattack_attend.benchmark import Results, Store
from textattack_attend.benchmark.row import Row

from ..helpers.chromium import chromium
from ..helpers.report_rows import ATTACKS, NASTY, flipped, judged
from ..helpers.stored_results import results_of


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Results of two attacks on attention and one on words."""
    rows = {
        ("V", "1%", "v"): [flipped(0, NASTY), flipped(1), flipped(2), judged(3, "failed")],
        ("V", "0.1%", "v"): [flipped(0), *(judged(n, "failed") for n in range(1, 4))],
        ("V", "words", "v"): [
            judged(0, "succeeded", "a good film", perturbed="a g00d film", perturbed_words=1 / 3),
            judged(1, "skipped"),
            judged(2, "failed"),
            Row(3, "error", 0, 0.0, "text 3", error="RuntimeError: <b>no</b>"),
        ],
    }
    return results_of(Store(tmp_path / "store.sqlite"), rows, attacks=ATTACKS)


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    yield from chromium()
