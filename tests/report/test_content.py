"""The page says in words what was found, what made it, and whom to cite."""

from __future__ import annotations

import dataclasses
import json
import re
import sqlite3
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from textattack_attend.benchmark import Results, Store, named_recipe, read_recipe
from textattack_attend.benchmark.metrics import METRICS
from textattack_attend.benchmark.records import Session
from textattack_attend.benchmark.row import Row
from textattack_attend.commands.main import main
from textattack_attend.data.published import PUBLISHED
from textattack_attend.report import report
from textattack_attend.report.attention_values import limits
from textattack_attend.report.citations import Citation, bibliography, citations
from textattack_attend.report.figures import FIGURES
from textattack_attend.report.opening import first_success, sentences
from textattack_attend.report.provenance import provenance
from textattack_attend.structures.describe import numbered
from textattack_attend.training.defenses import DEFENSES

from ..helpers.stored_results import results_of

TOKENS = json.dumps(["[CLS]", "the", "film", "the", "[SEP]"])
MASKED = json.dumps({"shape": [2, 2, 5], "matrices": [[1, 0, [7, 1]]]})


def judged(position: int, outcome: str, **fields: Any) -> Row:
    given = {
        "before": 1,
        "after": 1,
        "confidence_before": 0.9,
        "confidence_after": 0.6,
        "queries": 3,
    }
    return Row(position, outcome, 1, 0.5, f"text {position}", f"text {position}", **given | fields)


def masked(position: int) -> Row:
    fields = {"after": 0, "confidence_after": 0.25, "masked": MASKED, "tokens": TOKENS}
    return judged(position, "succeeded", **fields)


def made(folder: Path, rows: dict[tuple[str, str, str], list[Row]], **given: Any) -> Results:
    return results_of(Store(folder / "store.sqlite"), rows, **given)


def mixed(folder: Path) -> Results:
    """One attack on words that succeeds on 2 of 3, and one on attention that does on 1 of 3."""
    skipped = judged(3, "skipped", before=0, after=0)
    words = [judged(0, "failed"), *(judged(n, "succeeded", after=0) for n in (1, 2)), skipped]
    units = [judged(0, "failed"), masked(1), judged(2, "failed"), skipped]
    given: Any = {"units": {"recipe": "hackattend"}, "words": {"recipe": "deepwordbug"}}
    return made(folder, {("V", "words", "v"): words, ("V", "units", "v"): units}, attacks=given)


# --- what was found ---


def test_the_first_sentence_is_that_of_the_strongest_attack(tmp_path: Path) -> None:
    found = [
        re.sub(r" \(95% interval \d+ to \d+%\)", "", one) for one in sentences(mixed(tmp_path))
    ]
    assert found == [
        "words is the strongest of 2 attacks: it lowers the accuracy of V from 75.0% to 25.0%, and "
        "succeeds on 66.7% of the examples that it attacks.",
        "units is the strongest attack on attention: it lowers the accuracy of V from 75.0% to "
        "50.0%, and succeeds on 33.3% of the examples that it attacks.",
        "8 results (2 attacks on 1 victim, one result for each example): 6 were attacked "
        "(3 succeeded, 3 failed); 2 were skipped, as the victim was wrong already.",
    ]


def test_the_intervals_are_those_of_the_summary(tmp_path: Path) -> None:
    rows = [*(judged(n, "failed") for n in range(30)), *(masked(n) for n in range(30, 100))]
    (first, _) = sentences(made(tmp_path, {("V", "hackattend", "v"): rows}))
    # 70 of 100: the binomial interval is 61 to 79 by the normal approximation
    low, high = map(
        int, re.findall(r"succeeds on 70.0% \(95% interval (\d+) to (\d+)%\)", first)[0]
    )
    assert abs(low - 61) <= 1
    assert abs(high - 79) <= 1
    assert first.startswith("hackattend lowers the accuracy of V from 100.0% (95% interval 96 to ")


def test_an_attack_that_never_succeeds_is_said_to(tmp_path: Path) -> None:
    results = made(tmp_path, {("V", "hackattend", "v"): [judged(n, "failed") for n in range(2)]})
    assert sentences(results)[0] == (
        "No attack succeeded: the accuracy of V stays 100.0% (95% interval 34 to 100%)."
    )
    assert first_success(results) is None
    assert 'id="success"' not in report(results)


def test_nothing_that_was_attacked_is_said(tmp_path: Path) -> None:
    skipped = judged(0, "skipped", before=0, after=0)
    results = made(tmp_path, {("V", "hackattend", "v"): [skipped]})
    assert sentences(results)[0] == "No example could be attacked."


def test_the_first_example_is_a_success_on_attention_with_numbered_tokens(tmp_path: Path) -> None:
    results = mixed(tmp_path)
    found = first_success(results)
    assert found is not None
    assert (found.row["attack"], found.row["position"]) == ("units", 1)
    # cells 7 and 8 of 5 tokens: (1, 2) and (1, 3)
    assert found.lines == ["L1 H0: the[1] → film, the[1] → the[3]"]
    shown = " ".join(unescape(re.sub("<[^>]*>", "", report(results))).split())
    assert "The first success of units on V text 1 The label is 1. The victim predicts 1" in shown
    assert "goes from 90.0% to 25.0%" in shown
    assert "masked 2 attention units in 1 of 4 matrices" in shown


def test_a_structure_that_does_not_fit_its_tokens_has_no_pairs(tmp_path: Path) -> None:
    short = dataclasses.replace(masked(0), tokens='["a"]')
    results = made(tmp_path, {("V", "hackattend", "v"): [short]})
    found = first_success(results)
    assert found is not None
    assert found.lines == []
    assert "masked 2 attention units in 1 of 4 matrices (2.00% of all units).</p>" in report(
        results
    )


def test_classes_have_their_names_where_they_are_known(tmp_path: Path) -> None:
    results = mixed(tmp_path)
    names = {0: "negative", 1: "positive"}
    for of in ("label", "before", "after"):
        results.rows[f"{of}_name"] = results.rows[of].map(names)
    shown = " ".join(re.sub("<[^>]*>", "", report(results)).split())
    assert (
        "The label is positive. The victim predicts positive before the attack, and negative"
        in shown
    )


# --- no wrong labels ---


def test_headings_and_axes_name_what_is_divided_by_what(tmp_path: Path) -> None:
    given: Any = {
        f"A {f}": {"recipe": "hackattend", "options": {"mask_fraction": f}} for f in (0.01, 0.05)
    }
    rows = {("V", label, "v"): [masked(0), judged(1, "failed")] for label in given}
    results = made(tmp_path, rows, attacks=given)
    costs = FIGURES["efficiency"].draw(results).axes
    assert [axes.get_xlabel() for axes in costs] == [
        "seconds per attacked example",
        "queries per attacked example",
    ]
    assert "success" not in FIGURES["efficiency"].title.replace("Success rate", "")
    (allowed,) = FIGURES["robustness"].draw(results).axes
    assert allowed.get_xlabel().startswith("allowed share of the units")
    line: Any
    (line,) = allowed.lines
    assert line.get_label() == "A 0.01, A 0.05", "the labels are those of the tables"
    assert "masked units" not in FIGURES["robustness"].title


def test_a_line_of_many_attacks_has_the_first_and_the_last_label(tmp_path: Path) -> None:
    fractions = (0.001, 0.01, 0.02, 0.05)
    given: Any = {
        f"A {f}": {"recipe": "hackattend", "options": {"mask_fraction": f}} for f in fractions
    }
    results = made(tmp_path, {("V", label, "v"): [masked(0)] for label in given}, attacks=given)
    line: Any = FIGURES["robustness"].draw(results).axes[0].lines[0]
    assert line.get_label() == "A 0.001 to A 0.05"


def test_every_metric_of_a_table_is_explained_in_the_text_of_the_page(tmp_path: Path) -> None:
    page = unescape(report(mixed(tmp_path)))
    explained = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    for name in ("clean", "robust", "ASR", "seconds"):
        assert explained[name] == METRICS[name].explanation


# --- provenance ---


def facts_of(results: Results) -> dict[str, list[str]]:
    return {fact.name: [value.text for value in fact.values] for fact in provenance(results)}


def test_an_older_store_says_what_it_did_not_record(tmp_path: Path) -> None:
    facts = facts_of(mixed(tmp_path))
    for name in ("Command", "Device", "Ended", "Time", "Versions"):
        assert facts[name] == ["not recorded"]
    assert facts["Results"] == ["8 of 8"]
    assert facts["Time of all attacks"] == ["4.0 s"]  # 8 rows of half a second
    assert facts["Victims"] == ["V: v", "weights: not recorded"]
    assert facts["Attacks"] == ["words: deepwordbug", "units: hackattend"]


def test_sessions_say_when_by_what_and_where_it_ran(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    results_of(store, {("V", "hackattend", "v"): [masked(0)]})
    (run,) = store.runs()
    begun = ["2026-01-01T10:00:00.5+00:00", "2026-01-01T11:00:00+00:00"]
    stopped = Session(run.id, begun[0], None, "textattack-attend benchmark a.yaml", "CPU (x86_64)")
    store.record(stopped)
    ended = Session(run.id, begun[1], None, "textattack-attend benchmark a.yaml", "a GPU (cuda)")
    store.record(ended)
    store.record(
        Session(run.id, begun[1], "2026-01-01T13:02:30+00:00", ended.command, "a GPU (cuda)")
    )
    assert len(store.sessions(run)) == 2
    facts = facts_of(Results.of(store))
    assert facts["Command"] == ["textattack-attend benchmark a.yaml"]
    assert facts["Device"] == ["CPU (x86_64)", "a GPU (cuda)"]
    assert facts["Ended"] == ["2026-01-01 13:02:30 UTC"]
    assert facts["Time"] == ["2 h 2 min, not counting interrupted sessions: 1"]


def test_a_run_on_the_command_line_records_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a b.yaml").write_text(
        "{data: attend-demo, examples: 2, victims: {V: attend-demo}, attacks: {A: hackattend-plus}}"
    )
    arguments = ["benchmark", "a b.yaml", "--store", "s.sqlite"]
    for _ in range(2):  # the second one attacks nothing, and has made nothing
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, done.output
    results = Results.of(Store("s.sqlite", new=False))
    ((_, sessions),) = results.runs
    assert [one.command for one in sessions] == [
        "textattack-attend benchmark 'a b.yaml' --store s.sqlite"
    ]
    facts = {fact.name: fact.values for fact in provenance(results)}
    key = next(iter(results.cells.values())).key
    wholes = {value.whole for value in facts["Victims"][1:]}
    assert wholes == set(key["victim"]["parts"].values())
    assert facts["Data"][1].whole == key["data"]
    assert f"torch {key['versions']['torch']}" in facts["Versions"][0].text
    assert facts["Seeds"][0].text == "765"
    assert "mask_fraction=0.01" in facts["Attacks"][0].whole
    assert facts["Device"][0].text.startswith(("CPU", "NVIDIA"))
    assert facts["Ended"][0].text.endswith(" UTC")


def test_a_store_of_version_1_is_read_and_goes_on(tmp_path: Path) -> None:
    results = mixed(tmp_path)
    with sqlite3.connect(tmp_path / "store.sqlite") as database:
        database.execute("drop table sessions")
        database.execute("pragma user_version = 1")
    database.close()
    read = Results.of(Store(tmp_path / "store.sqlite", new=False))
    assert len(read.rows) == len(results.rows)
    assert read.runs[0][1] == []
    store = Store(tmp_path / "store.sqlite")  # opened to be written to
    assert store.version == 2
    assert store.sessions(store.runs()[0]) == []


# --- citations ---


def parsed(bibtex: str) -> dict[str, dict[str, str]]:
    """Reads BibTeX by its braces: the fields of every entry by its key."""
    found = {}
    for kind, key, rest in re.findall(r"@(\w+)\{([\w-]+),\n(.*?)\n\}\n", bibtex, re.DOTALL):
        assert kind in ("inproceedings", "article", "misc")
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},$", rest, re.MULTILINE))
        assert len(fields) == len(rest.splitlines()), key
        assert all(value.count("{") == value.count("}") for value in fields.values()), key
        assert key not in found
        found[key] = fields
    assert len(found) == bibtex.count("@")
    return found


def test_the_citations_are_those_of_what_was_used(tmp_path: Path) -> None:
    bibtex, uncited = bibliography(mixed(tmp_path))
    assert list(parsed(bibtex)) == [
        "liong-2024-unveiling",
        "morris-2020-textattack",
        "wolf-2020-transformers",
        "gao-2018-black-box",
    ]
    assert uncited == []
    assert f"{bibtex}</pre>" in unescape(report(mixed(tmp_path)))


def test_a_data_set_is_cited_and_an_attack_of_the_users_is_named(tmp_path: Path) -> None:
    own: Any = {"mine": {"recipe": "mine.py^build"}}
    rows = {("V", "mine", "v"): [masked(0)]}
    bibtex, uncited = bibliography(made(tmp_path, rows, attacks=own, data="dev.tsv^sst2"))
    assert "socher-2013-recursive" in parsed(bibtex)
    assert uncited == ["attack mine.py^build"]


def test_every_citation_is_whole() -> None:
    entries = parsed("\n".join(one.bibtex for one in citations()))
    for key, fields in entries.items():
        assert {"title", "author", "year"} <= set(fields), key
        assert "used" not in fields
        assert re.fullmatch(r"[\w-]+", key)
        assert fields["year"] in key
        assert fields["author"].split(",")[0].lower() in key


@pytest.mark.parametrize(
    "name",
    [
        *(f"defense {name}" for name in DEFENSES if name not in ("none", "ada")),
        *(f"data {name}" for name in PUBLISHED),
        *(
            f"attack {name}"
            for name in ("hackattend", "hackattend-plus", "textfooler-transformers")
        ),
    ],
)
def test_what_is_registered_has_a_citation(name: str) -> None:
    assert any(one.is_of(name) for one in citations())


def test_a_pattern_names_any_end() -> None:
    one = Citation("", ("attack hackattend*", "data sst2"))
    assert one.is_of("attack hackattend-plus")
    assert not one.is_of("data sst2x")


def test_the_recipe_of_the_demo_names_its_random_baseline() -> None:
    quick = read_recipe(named_recipe("quick"))
    assert {label: own.recipe for label, own in quick.attacks.items()}["HackAttend random"] == (
        "hackattend-random"
    )


# --- the attention of examples ---


def test_the_page_says_of_which_examples_it_has_the_attention(tmp_path: Path) -> None:
    results = mixed(tmp_path)
    assert limits(results, {}).startswith("The maps have no attention before and after the attack")
    assert limits(results, {0: {}, 3: {}}).startswith(
        "The maps have the attention before and after the attack of 2 examples: of the successes "
        "of at most 24 tokens, the 40 with"
    )
    assert limits(results, {}) in unescape(report(results))
    results.rows["masked"] = None
    assert limits(results, {}) == ""


def test_tokens_are_numbered_as_in_the_terminal() -> None:
    assert numbered(["[CLS]", "the", "film", "the"]) == ["[CLS]", "the[1]", "film", "the[3]"]


# --- speed ---


def test_a_report_imports_no_model_library_where_it_shows_no_attention(tmp_path: Path) -> None:
    """Importing transformers took most of the time of a report."""
    mixed(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(tmp_path / "store.sqlite")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["8", "[]"]


WITHOUT_TORCH = """
import sys
from textattack_attend.benchmark import Results, Store
from textattack_attend.report import report
results = Results.of(Store(sys.argv[1], new=False))
assert "Provenance" in report(results)
heavy = [name for name in ("torch", "transformers", "textattack") if name in sys.modules]
print(len(results.rows), heavy)
"""
