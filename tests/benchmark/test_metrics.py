"""The metrics: their tables stay what they were, and a new one is one file."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from textattack_attend.benchmark import Results, Store, comparison, summary
from textattack_attend.benchmark.export import exported, table_of
from textattack_attend.benchmark.metrics import COUNTED, METRICS, Metric, number_of, register_metric
from textattack_attend.benchmark.pairing import differences
from textattack_attend.benchmark.row import OUTCOMES, Row
from textattack_attend.benchmark.schema import TABLES, VERSION
from textattack_attend.benchmark.tables import COST, explanation
from textattack_attend.errors import InvalidInputError

from ..helpers.stored_results import results_of

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "metrics.md"
CONTRIBUTING = REPOSITORY / "docs" / "contributing.md"
ADAPTIVE = [outcome for outcome in OUTCOMES if outcome != "corrected"]
"""The outcomes of attacks that search on every victim."""
KNOWN = Path(__file__).with_name("known_tables.json")
"""The tables of `known_results`, as the code printed them before metrics were records."""


def known_rows(generator: random.Random, count: int, *, on_words: bool) -> Iterator[Row]:
    for position in range(count):
        outcome = generator.choice(ADAPTIVE)
        numbers: dict[str, Any] = {}
        if outcome != "error":
            numbers |= {"queries": generator.randrange(1, 500)}
        if outcome != "error" and not on_words:
            numbers |= {"candidate_queries": generator.randrange(1, 99), "gradient_passes": 1}
        if outcome == "succeeded" and on_words:
            numbers |= {"perturbed_words": generator.random(), "similarity": generator.random()}
        if outcome == "succeeded" and not on_words:
            numbers |= {"hamming": 9 * generator.random(), "matrices": generator.randrange(1, 12)}
        seconds = 3 * generator.random()
        yield Row(position, outcome, 0, seconds, f"text {position}", **numbers)


def known_results(store: Store, run: str, seed: int) -> Results:
    """Results of three attacks on two victims of two models, the second with more examples."""
    generator = random.Random(seed)
    rows = {
        (victim, attack, f"{victim}{model}"): list(
            known_rows(generator, (9, 60)[model], on_words=attack == "words")
        )
        for victim in ("plain", "defended")
        for attack in ("few units", "many units", "words")
        for model in range(2)
    }
    return results_of(store, rows, run)


def known_tables(folder: Path) -> dict[str, Any]:
    store = Store(folder / "known.sqlite")
    first, second = known_results(store, "first", 1), known_results(store, "second", 2)
    text = {
        name: exported(table_of(name, first), "csv").decode()
        for name in ("comparison", "clean", "robust", "ASR", "queries", "seconds")
    }
    text["differences"] = exported(differences(first, second), "csv").decode()
    tables = {name: {k: v.__name__ for k, v in own.items()} for name, own in TABLES.items()}
    return {
        "text": text,
        "rows": list(first.rows),
        "summary": summary(first).to_dict("list"),
        "schema": {"version": VERSION, **tables},
    }


def test_tables_columns_and_schema_are_those_of_before(tmp_path: Path) -> None:
    known, found = json.loads(KNOWN.read_text()), known_tables(tmp_path)
    # The last digits of sums are those of the machine's own matrix product.
    pd.testing.assert_frame_equal(
        pd.DataFrame(found.pop("summary")),
        pd.DataFrame(known.pop("summary")),
        rtol=1e-12,
        check_dtype=False,
    )
    assert found == known


@pytest.mark.parametrize("name", METRICS)
def test_a_record_is_complete(name: str) -> None:
    metric = METRICS[name]
    assert metric.name == name
    assert name not in {"comparison", "summary", "rows", "runs", "victim", "attack", "models"}
    assert metric.denominator in COUNTED
    assert metric.summed
    assert metric.help
    assert not re.search(r"[|\n]|\.$", metric.summed + metric.help)
    nothing = metric.numerator(pd.DataFrame(columns=[field.name for field in fields(Row)]))
    assert len(nothing) == 0


def test_a_name_that_is_taken_is_refused() -> None:
    again = Metric("ASR", number_of("failed"), "judged", "failed examples", "another rate")
    with pytest.raises(InvalidInputError, match="ASR"):
        register_metric(again)


def test_every_heading_is_explained_and_labels_are_not(tmp_path: Path) -> None:
    headings = [*comparison(known_results(Store(tmp_path / "s.sqlite"), "run", 0))]
    assert {heading for heading in headings if not explanation(heading)} == {"victim", "attack"}
    assert explanation(COST)
    assert explanation("candidates") == (
        'The paper\'s "# Query" (attacks on attention only): structures tested up to the first '
        "success, over the number of attacked examples."
    )


def test_the_page_in_the_repository_is_what_the_command_writes(tmp_path: Path) -> None:
    written = PAGE.read_text(encoding="utf-8")
    page = tmp_path / "metrics.md"
    page.write_text(written.replace("attack success rate", "another rate"), encoding="utf-8")
    assert page.read_text(encoding="utf-8") != written
    command = [sys.executable, "-m", "tools", "metrics-page", str(page)]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    assert page.read_text(encoding="utf-8") == written


STEPS = """
import json, sys
from click.testing import CliRunner
import textattack_attend.benchmark.metrics as metrics
files, store = sys.argv[1:]
metrics.__path__.append(files)  # as if the file lay in the package
from textattack_attend.benchmark import Results, Store, comparison, summary
from textattack_attend.commands.main import main
from textattack_attend.report import report
from tools.commands.metrics_page import table
def run(*arguments):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return done.output
results = Results.of(Store(store, new=False))
print(json.dumps({
    "summary": summary(results).set_index("measure")["mean"].to_dict(),
    "comparison": comparison(results).to_dict("records"),
    "help": run("results", "--help"),
    "table": run("results", "--store", store, "--table", "confidence lost"),
    "ls": run("ls", "metrics"),
    "report": report(results),
    "page": table(),
}))
"""


def test_a_metric_of_the_contributing_page_is_one_file(tmp_path: Path) -> None:
    section = CONTRIBUTING.read_text(encoding="utf-8").split("## A metric", 1)[1]
    found = re.search(r"`(\S+\.py)`:\n\n```python\n(.*?)```", section, re.DOTALL)
    assert found
    path, code = found.groups()
    assert path == "textattack_attend/benchmark/metrics/confidence.py"
    files = tmp_path / "files"
    files.mkdir()
    (files / Path(path).name).write_text(code)
    store = Store(tmp_path / "store.sqlite")
    lost: Any = {"queries": 1, "confidence_before": 0.75, "confidence_after": 0.25}
    kept: Any = {"queries": 1, "confidence_before": 0.75, "confidence_after": 0.5}
    wrong: Any = {"queries": 1, "confidence_before": 0.25, "confidence_after": 0.125}
    rows = [
        Row(0, "succeeded", 0, 1.0, "a", **lost),
        Row(1, "failed", 0, 1.0, "b", **kept),
        Row(2, "skipped", 0, 1.0, "c", **wrong),
    ]
    results_of(store, {("V", "A", "v"): rows})
    arguments = [str(files), store.path]
    done = subprocess.run(
        [sys.executable, "-c", STEPS, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["summary"]["confidence lost"] == pytest.approx((0.5 + 0.25) / 2)
    (line,) = seen["comparison"]
    assert line["confidence lost"] == "37.5%"
    assert "|confidence lost|" in re.sub(r"\s+", " ", seen["help"])
    assert re.search(r"\| V +\| 37.5% +\|", seen["table"])
    assert re.search(r"^  confidence lost +how far", seen["ls"], re.MULTILINE)
    assert re.search(r'title="How far [^"]+">confidence lost</button>', seen["report"])
    assert re.search(r"^\| `confidence lost` \| .+ \| attacked \| % \|", seen["page"], re.MULTILINE)
