"""The content of the page, and the command that writes it."""

from __future__ import annotations

import dataclasses
import re
import sqlite3
from pathlib import Path

from click.testing import CliRunner

from textattack_attend.benchmark import Results, Store
from textattack_attend.benchmark.recipe_fields import Published
from textattack_attend.commands.main import main
from textattack_attend.report import (
    report,
)


def test_the_command_writes_the_page(results: Results, tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    arguments = ["report", "--store", str(tmp_path / "store.sqlite"), "--output", str(output)]
    done = CliRunner().invoke(main, [*arguments, "--title", "Ours"])
    assert done.exit_code == 0, done.output
    page = output.read_text()
    assert "<title>Ours</title>" in page
    assert "12 results (3 attacks on 1 victim" in " ".join(page.split())
    assert "://" not in page.replace("http://www.w3.org/", "").split("<svg")[0]
    refused = CliRunner().invoke(main, [*arguments[:-1], str(tmp_path / "none" / "page.html")])
    assert refused.exit_code == 1
    assert "cannot be written" in refused.output


def test_headings_are_explained_but_those_of_a_paper(results: Results) -> None:
    table = Published(source="A paper", rows=[{"victim": "V", "ASR": 0.5, "queries": 7}])
    recipe = results.recipes[0].model_copy(update={"published": table})
    page = report(dataclasses.replace(results, recipes=[recipe]))
    ours, papers = re.findall(r"<thead>(.*?)</thead>", page.split('id="figures"')[0])
    said = "Attack success rate: succeeded examples, over the number of attacked examples."
    assert f'<button type="button" title="{said}">ASR</button>' in ours
    assert '<button type="button">victim</button>' in ours
    assert "title" not in papers
    (explained,) = re.findall(r"<dl>(.*?)</dl>", page, re.DOTALL)
    assert f"<dt>ASR</dt><dd>{said}</dd>" in explained
    assert "<dt>victim</dt>" not in explained


def test_a_run_that_is_not_done_is_said_to_be(results: Results, tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    assert "the run is not done" not in report(results)
    with sqlite3.connect(store.path) as database:
        database.execute("delete from examples where position = 2")
    assert "9 results of 12, as the run is not done yet (3 attacks" in " ".join(
        report(Results.of(store)).split()
    )
