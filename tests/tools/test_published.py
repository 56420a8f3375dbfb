"""Published rows: that they are those of their run, and that documents show what they add up to."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from textattack_attend.benchmark import Store
from textattack_attend.benchmark.tables import comparison
from textattack_attend.checkpoints.card import Card
from textattack_attend.errors import InvalidInputError
from textattack_attend.structures import Shape, Structure, encode
from tools.published import RESULTS, read, write
from tools.result_tables import beside_baseline, beside_paper, documents, redraw, remade
from tools.run_times import run_times, trainings

from ..helpers.stored_results import results_of, row

NAMES = [path.stem for path in sorted(RESULTS.glob("*.parquet"))]


def stored(tmp_path: Path) -> Path:
    rows = {
        ("plain", "X", "runs/plain"): [row(n, "succeeded", queries=3) for n in range(40)],
        ("defended", "X", "runs/defended"): [row(n, "failed", queries=4) for n in range(40)],
    }
    path = tmp_path / "some.parquet"
    write(results_of(Store(tmp_path / "store.sqlite"), rows), path)
    return path


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = stored(tmp_path)
    rows = {
        ("plain", "X", "runs/plain"): [row(n, "succeeded", queries=3) for n in range(40)],
        ("defended", "X", "runs/defended"): [row(n, "failed", queries=4) for n in range(40)],
    }
    expected = results_of(Store(tmp_path / "again.sqlite"), rows)
    found = read(path)
    pd.testing.assert_frame_equal(found.rows, expected.rows, check_dtype=False)
    pd.testing.assert_frame_equal(comparison(found), comparison(expected))
    assert found.recipes == expected.recipes


def test_a_table_is_made_between_its_marks_and_again(tmp_path: Path) -> None:
    stored(tmp_path)
    marks = "<!-- results: some, baseline: plain -->", "<!-- end of results -->"
    text = f"Before.\n\n{marks[0]}\n\nold\n{marks[1]}\nBehind."
    made = remade(text, tmp_path)
    assert made.startswith("Before.\n\n<!-- results: some, baseline: plain -->\n\n| victim")
    assert made.endswith("<!-- end of results -->\nBehind.")
    assert "| defended | 1        | 100.0%  |" in made
    assert "+100.0 (+" in made
    assert remade(made, tmp_path) == made


def test_run_times_are_sums_and_count_a_model_once(tmp_path: Path) -> None:
    """Two files of 40 rows of 90 seconds; a model of 10 minutes in both, and another of 20."""
    results = {}
    for name, models in {"one": ["a"], "two": ["a", "b"]}.items():
        rows = {(own, "X", own): [row(n, "failed", seconds=90.0) for n in range(40)] for own in "a"}
        found = results_of(Store(tmp_path / f"{name}.sqlite"), rows)
        cards = {own: trained_card(own, {"a": 570, "b": 1200}[own]) for own in models}
        results[name] = dataclasses.replace(found, cards=cards)
    table = run_times(results).set_index("results")
    assert table["rows"].to_dict() == {"one": "40", "two": "40", "all": "80"}
    assert table["attacks"].to_dict() == {"one": "1:00 h", "two": "1:00 h", "all": "2:00 h"}
    assert table["models"].to_dict() == {"one": "1", "two": "2", "all": "2"}
    assert table["trainings"].to_dict() == {"one": "0:10 h", "two": "0:30 h", "all": "0:30 h"}


def test_trainings_are_means_over_the_models_of_a_victim(tmp_path: Path) -> None:
    rows = {("V", "X", own): [row(0, "failed")] for own in ("a", "b")}
    found = results_of(Store(tmp_path / "store.sqlite"), rows)
    cards = {
        own: dataclasses.replace(
            trained_card(own, 1), accuracy=number, step_seconds_ratio=2 * number
        )
        for own, number in {"a": 0.5, "b": 0.75}.items()
    }
    (line,) = trainings(dataclasses.replace(found, cards=cards)).to_dict("records")
    expected = {"victim": "V", "models": "2", "dev accuracy": "62.5%", "time of a step": "1.25"}
    assert line == expected


def trained_card(name: str, seconds: float) -> Card:
    settings: dict[str, Any] = dict.fromkeys(("task", "defense", "model", "data", "precision"), "")
    numbers: dict[str, Any] = dict.fromkeys(
        ("learning_rate", "batch_size", "epochs", "max_tokens", "seed"), 1
    )
    identity = {"weights": name}
    extra = 30 if name == "a" else 0
    found: dict[str, Any] = {"seconds": seconds, "extra_seconds": extra, "identity": identity}
    return Card(**settings, **numbers, options={}, config={}, **found)


def test_what_is_no_such_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="nothing: expected one of the results"):
        read(tmp_path / "nothing.parquet")
    path = stored(tmp_path)
    rows = read(path).rows
    rows.to_parquet(tmp_path / "alone.parquet")
    with pytest.raises(
        InvalidInputError, match="expected rows with what made them, got rows alone"
    ):
        read(tmp_path / "alone.parquet")


def test_rows_of_another_recipe_are_refused(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = stored(tmp_path)
    table = pq.read_table(path)
    victims = ["another"] * len(table)
    changed = table.set_column(table.column_names.index("victim"), "victim", [victims])
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)
    with pytest.raises(InvalidInputError, match="expected the victims of its recipe, plain, def"):
        read(path)


def test_a_path_of_this_machine_is_refused(tmp_path: Path) -> None:
    rows = {("plain", "X", "/somewhere/plain"): [row(0, "failed")]}
    results = results_of(Store(tmp_path / "store.sqlite"), rows)
    with pytest.raises(InvalidInputError, match="got '/somewhere/plain', a path of this machine"):
        write(results, tmp_path / "some.parquet")


def test_documents_show_what_their_rows_add_up_to() -> None:
    assert [path.name for path in documents()] == [
        "choose-a-defense.md",
        "numbers.md",
        "paper-tables.md",
    ]
    for path in documents():
        text = path.read_text(encoding="utf-8")
        assert remade(text) == text, f"{path.name}: run `make numbers`"


def test_figures_show_what_their_rows_add_up_to() -> None:
    for path in documents():
        assert redraw(path) == [], f"{path.name}: run `make numbers`"


def test_a_figure_is_drawn_anew_when_its_rows_changed(tmp_path: Path) -> None:
    flip: dict[str, Any] = {
        "masked": encode(Structure.from_units(Shape(2, 1, 4), np.array([[1, 0, 1, 2]])))
    }
    flip["tokens"] = json.dumps(["[CLS]", "a", "film", "[SEP]"])
    rows = {
        ("SST-2", "X", "runs/a"): [row(0, "succeeded", **flip), row(1, "failed"), row(2, "skipped")]
    }
    write(results_of(Store(tmp_path / "store.sqlite"), rows), tmp_path / "some.parquet")
    document = tmp_path / "page.md"
    document.write_text(
        "<!-- figure of results: some, drawn by: reached -->\n\n![layers](layers.svg)\n"
    )
    assert redraw(document, tmp_path) == [tmp_path / "layers.svg"]
    first = (tmp_path / "layers.svg").read_text()
    assert "X under SST-2" in first.replace("&quot;", '"')
    assert "[1, 0, 1]" in first  # one failure, and one success in layer 1
    assert redraw(document, tmp_path) == []
    (tmp_path / "layers.svg").write_text(first.replace("[1, 0, 1]", "[2, 0, 1]"))
    assert redraw(document, tmp_path) == [tmp_path / "layers.svg"]


def test_numbers_of_a_paper_stand_beside_those_of_the_same_attack(tmp_path: Path) -> None:
    """Attacks are matched by what they are, whatever their label in the paper's recipe is."""
    released = {"mask_fraction": 0.001, "choice_budget": "released"}
    own = {
        "mine": "hackattend",
        "small": {"recipe": "hackattend", "options": {"mask_fraction": 0.001}},
        "small, released": {"recipe": "hackattend", "options": released},
        "other": {"recipe": "hackattend", "options": {"mask_fraction": 0.3}},
    }
    rows = {
        ("SST-2", label, "runs/a"): [row(n, "succeeded" if n < 5 else "failed") for n in range(20)]
        for label in own
    }
    results = results_of(Store(tmp_path / "store.sqlite"), rows, attacks=own)
    table = beside_paper(results, ["ASR", "queries"], ["table2", "table5"]).set_index("attack")
    assert list(table.columns) == ["data", "ASR", "ASR, paper", "queries"]
    assert table.loc["mine", "ASR"].startswith("25.0%")
    assert table["ASR, paper"].to_dict() == {
        "mine": "27.4%",
        "small": "6.4%",
        "small, released": "6.4%",
        "other": "",
    }


def test_models_and_columns_do_not_make_another_attack(tmp_path: Path) -> None:
    options = {"encoder": str(tmp_path), "columns": ["context"]}
    own = {"mine": {"recipe": "textfooler-transformers", "options": options}}
    rows = {("DREAM", "mine", "runs/a"): [row(0, "succeeded", queries=7, seconds=1.0)]}
    results = results_of(Store(tmp_path / "store.sqlite"), rows, attacks=own)
    table = beside_paper(results, ["queries"], ["table4"])
    assert table.to_dict("records") == [
        {"attack": "mine", "data": "DREAM", "queries": "7.00", "queries, paper": "90.7"}
    ]


@pytest.mark.parametrize("name", NAMES)
def test_committed_rows_can_be_read_and_name_no_machine(name: str) -> None:
    results = read(RESULTS / f"{name}.parquet")
    assert len(results.rows)
    assert not results.rows["checkpoint"].str.startswith("/").any()
    baseline = results.rows["victim"].iloc[0]
    assert len(beside_baseline(results, baseline)) == results.rows["victim"].nunique()


def test_all_rows_together_are_small() -> None:
    assert sum(path.stat().st_size for path in RESULTS.glob("*.parquet")) <= 10_000_000
