"""A benchmark from Python: a recipe of fields, a store by its path, results in a notebook."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from textattack_attend import Benchmark, Recipe, Results, comparison, write_report
from textattack_attend.benchmark import Store, read_recipe
from textattack_attend.errors import InvalidInputError

from ..helpers.stored_results import results_of, structured

FIELDS: Any = {
    "data": "attend-demo",
    "examples": 2,
    "victims": {"demo": "attend-demo"},
    "attacks": {"A": "hackattend-plus"},
}


def test_a_store_has_a_path(tmp_path: Path) -> None:
    benchmark = Benchmark(Recipe(**FIELDS), tmp_path / "results.sqlite")
    assert benchmark.run() == 2
    results = benchmark.results()
    again = Results.of(str(tmp_path / "results.sqlite"))
    assert again.rows.equals(results.rows)
    assert repr(results) == "<Results: 2 rows; victims: demo; attacks: A>"
    write_report(results, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_refused_recipe_leaves_no_store(tmp_path: Path) -> None:
    recipe = Recipe(**{**FIELDS, "attacks": {"A": {"recipe": "hackattend", "options": {"x": 1}}}})
    with pytest.raises(InvalidInputError, match="'x'"):
        Benchmark(recipe, tmp_path / "results.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_has_a_name_or_a_file(tmp_path: Path) -> None:
    assert Recipe.load("quick").data == "attend-demo"
    (tmp_path / "dev.csv").write_text("text,label\na film,0\n")
    (tmp_path / "own.yaml").write_text(
        "data: dev.csv^text,label\nvictims: {V: attend-demo}\nattacks: {A: hackattend}\n"
    )
    recipe = Recipe.load(tmp_path / "own.yaml")
    assert recipe == read_recipe(tmp_path / "own.yaml")
    assert recipe.data == f"{tmp_path / 'dev.csv'}^text,label", "located beside its file"


def test_a_notebook_shows_the_comparison(tmp_path: Path) -> None:
    hostile = "<b>V</b>"
    results = results_of(
        Store(tmp_path / "store.sqlite"),
        {(hostile, "A & B", "v"): [structured(0, "succeeded", 1.0, 3, 2, 4.0)]},
    )
    html = results._repr_html_()
    assert "<b>V</b>" not in html
    cells = [[cell.text or "" for cell in row] for row in ElementTree.fromstring(html).iter("tr")]
    table = comparison(results)
    assert cells == [list(table), *table.astype(str).to_numpy().tolist()]
    assert cells[1][:2] == [hostile, "A & B"]
    assert repr(results) == "<Results: 1 rows; victims: <b>V</b>; attacks: A & B>"
