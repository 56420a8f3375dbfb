"""The benchmark: what a recipe may say, that no row is lost or doubled, and what rows add up to."""

from __future__ import annotations

import csv
import dataclasses
import re
import resource
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from textattack import AttackArgs, Attacker
from transformers import BertTokenizerFast

from textattack_attend.attacks.named import attack_builder, build_attack
from textattack_attend.benchmark import Results, Store, comparison, read_recipe, summary, victims
from textattack_attend.benchmark.pairing import differences
from textattack_attend.benchmark.recipe import Recipe, known_recipes
from textattack_attend.benchmark.records import Entry
from textattack_attend.benchmark.row import Row
from textattack_attend.benchmark.running import Benchmark
from textattack_attend.benchmark.running.recording import row_of
from textattack_attend.benchmark.tables import side_by_side, successes
from textattack_attend.checkpoints.card import Card
from textattack_attend.commands.main import main
from textattack_attend.datasets import from_name
from textattack_attend.errors import InvalidInputError, StoreError
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.structures import decode

from ..conftest import random_texts, tiny_model
from ..helpers.stored_results import results_of, row, structured

ATTACKS = '''
from textattack import Attack
from textattack.constraints.pre_transformation import RepeatModification
from textattack.goal_functions import UntargetedClassification
from textattack.search_methods import GreedySearch
from textattack.transformations import WordDeletion

def deleting(wrapper):
    """Deletes words until the class changes."""
    goal = UntargetedClassification(wrapper)
    return Attack(goal, [RepeatModification()], WordDeletion(), GreedySearch())

def choking(wrapper):
    """The same, on a model that cannot read some texts."""
    class Choking(type(wrapper)):
        def __call__(self, texts):
            if any(str(text).startswith("never") for text in texts):
                raise RuntimeError("never again")
            return super().__call__(texts)
    return deleting(Choking(wrapper.model, wrapper.tokenizer))
'''
RECIPE = """
data: data.tsv^text,label
victims:
  tiny: victim
attacks:
  HackAttend: {recipe: hackattend, options: {mask_fraction: 0.1}}
  deleting: attacks.py^deleting
"""
EXAMPLES = 12
# What a run measures anew every time.
MEASURED = ["seconds"]


@pytest.fixture
def folder(tmp_path: Path, vocabulary: Path) -> Path:
    """A recipe with all that it names."""
    tiny_model("bert", labels=2).save_pretrained(tmp_path / "victim")
    BertTokenizerFast(str(vocabulary)).save_pretrained(tmp_path / "victim")
    texts = random_texts(EXAMPLES, seed=4)
    labels = wrapper_for(str(tmp_path / "victim"))(texts).argmax(1).tolist()
    labels[2] = 1 - labels[2]  # one to be skipped
    lines = [f"{text}\t{label}" for text, label in zip(texts, labels, strict=True)]
    (tmp_path / "data.tsv").write_text("text\tlabel\n" + "\n".join(lines) + "\n")
    (tmp_path / "attacks.py").write_text(ATTACKS)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def run(folder: Path, store: str = "store.sqlite", recipe: str = "recipe.yaml") -> Benchmark:
    benchmark = Benchmark(read_recipe(folder / recipe), Store(folder / store))
    benchmark.run()
    return benchmark


def rows_of(benchmark: Benchmark) -> pd.DataFrame:
    """Returns rows in order, without what differs from run to run."""
    rows = Results.of(benchmark.store, [benchmark.id]).rows
    ordered = rows.sort_values(["victim", "attack", "position"], ignore_index=True)
    return ordered.drop(columns=MEASURED)


def test_rows_are_those_of_textattacks_own_runner(folder: Path) -> None:
    rows = rows_of(run(folder)).set_index("attack")
    dataset = from_name(str(folder / "data.tsv"), "text,label")
    for label, name, options in (
        ("deleting", f"{folder}/attacks.py^deleting", {}),
        ("HackAttend", "hackattend", {"mask_fraction": 0.1}),
    ):
        attack = build_attack(name, wrapper_for(str(folder / "victim")), **options)
        args = AttackArgs(num_examples=-1, silent=True)
        results = Attacker(attack, dataset, args).attack_dataset()
        goal = attack.goal_function
        expected = [row_of(n, result, 0.0, goal) for n, result in enumerate(results)]
        for one, (_, found) in zip(expected, rows.loc[label].iterrows(), strict=True):
            for field in dataclasses.fields(Row):
                if field.name not in MEASURED:
                    value = getattr(one, field.name)
                    same = pd.isna(found[field.name]) if value is None else found[field.name]
                    assert same == (True if value is None else value), field.name
        for one, result in zip(expected, results, strict=True):
            if one.masked is not None:
                assert decode(one.masked) == result.structure
    assert set(rows["outcome"]) == {"succeeded", "failed", "skipped"}


def test_an_interrupted_run_attacks_what_is_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = rows_of(run(folder, "whole.sqlite"))
    written = 0
    original = Store.add

    def interrupting(self: Store, cell: str, row: Row) -> None:
        nonlocal written
        if written in (5, 17):
            written += 1
            raise KeyboardInterrupt
        written += 1
        original(self, cell, row)

    monkeypatch.setattr(Store, "add", interrupting)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(folder)
    store = str(folder / "store.sqlite")
    so_far = CliRunner().invoke(main, ["results", "--store", store])
    assert so_far.exit_code == 0, so_far.output
    assert f"note: 16 of {2 * EXAMPLES} examples are attacked so far" in so_far.stderr
    resumed = run(folder)
    assert written == 2 * EXAMPLES + 2
    assert CliRunner().invoke(main, ["results", "--store", store]).stderr == ""
    pd.testing.assert_frame_equal(rows_of(resumed), expected, check_exact=True)


def test_an_example_that_raises_is_a_row_of_its_own(folder: Path) -> None:
    recipe = RECIPE.replace("^deleting", "^choking").replace("deleting:", "choking:")
    (folder / "recipe.yaml").write_text(recipe)
    lines = (folder / "data.tsv").read_text().splitlines()
    lines[5] = "never a film\t1"
    lines[7] = "\t1"
    (folder / "data.tsv").write_text("\n".join(lines) + "\n")
    benchmark = run(folder)
    rows = rows_of(benchmark)
    assert len(rows) == 2 * EXAMPLES
    wrong = rows[rows["outcome"] == "error"]
    found = {(row["attack"], row["position"]) for _, row in wrong.iterrows()}
    assert ("choking", 4) in found
    assert ("HackAttend", 6) in found
    assert ("HackAttend", 4) not in found
    assert "RuntimeError: never again" in set(wrong["error"])
    table = comparison(Results.of(benchmark.store)).set_index("attack")
    assert table.loc["HackAttend", "errors"] == 1
    shown = CliRunner().invoke(
        main, ["benchmark", str(folder / "recipe.yaml"), "--store", str(folder / "store.sqlite")]
    )
    assert shown.exit_code == 1
    assert re.search(
        r"Error: \d examples could not be attacked: .*RuntimeError: never again \(1\)", shown.output
    )


def test_an_interrupt_says_how_to_go_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupting(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "add", interrupting)
    given = ["benchmark", str(folder / "recipe.yaml"), "--store", str(folder / "s.sqlite")]
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 1
    assert done.stderr.endswith("\nError: interrupted; the same command goes on from here\n")


def test_a_changed_recipe_takes_over_what_it_shares(folder: Path) -> None:
    first = run(folder)
    assert first.run() == 0
    (folder / "more.yaml").write_text(
        RECIPE + "  HackAttend 20%: {recipe: hackattend, options: {mask_fraction: 0.2}}\n"
    )
    second = Benchmark(read_recipe(folder / "more.yaml"), first.store)
    assert second.run() == EXAMPLES
    assert second.id != first.id
    assert len(rows_of(first)) == 2 * EXAMPLES
    assert len(rows_of(second)) == 3 * EXAMPLES
    (folder / "attacks.py").write_text(ATTACKS.replace("WordDeletion()", "WordDeletion( )"))
    assert Benchmark(read_recipe(folder / "recipe.yaml"), first.store).run() == EXAMPLES


def test_a_full_disk_keeps_what_was_written(folder: Path) -> None:
    store = Store(folder / "store.sqlite")
    benchmark = Benchmark(read_recipe(folder / "recipe.yaml"), store)
    assert store._database is not None
    pages = store._database.execute("pragma page_count").fetchone()[0]
    store._database.execute(f"pragma max_page_count = {pages + 1}")
    with pytest.raises(StoreError, match=r"store.sqlite: .*full.* what was written before is kept"):
        fill(store)
    rows = len(store.rows(["cell"], count=1000))
    assert 0 < rows < 1000
    assert benchmark.store.missing("cell", rows + 1) == [rows]


def test_a_file_that_may_not_grow_keeps_what_was_written(tmp_path: Path) -> None:
    """A quota, unlike a limit of SQLite's own, refuses the write to the journal."""
    store = Store(tmp_path / "store.sqlite")
    cell = store.cell({"a": "cell"})
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limit[1]))
    try:
        with pytest.raises(StoreError, match=r"store.sqlite: .* what was written before is kept"):
            fill(store, cell)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    rows = len(Store(tmp_path / "store.sqlite", new=False).rows([cell], count=1000))
    assert 0 < rows < 1000
    store.add(cell, Row(rows, "failed", 0, 0.0, "text"))
    store.close()
    assert len(Store(tmp_path / "store.sqlite", new=False).rows([cell], count=1000)) == rows + 1


def fill(store: Store, cell: str = "cell") -> None:
    for position in range(1000):
        store.add(cell, Row(position, "failed", 0, 0.0, "text " * 100))


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_text("a text, and quite a long one " * 100)
    with pytest.raises(StoreError, match="expected a store of `benchmark` that can be used"):
        Store(tmp_path / "store.sqlite")
    with pytest.raises(StoreError):
        Store(tmp_path)


@pytest.mark.parametrize("new", [True, False])
def test_the_database_of_another_program_is_left_as_it_is(tmp_path: Path, new: bool) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("create table diary (day)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"expected a store .*, got another database"):
        Store(path, new=new)
    assert path.read_bytes() == before


def test_an_error_is_attacked_again_and_nothing_else_is(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    for outcome in ("error", "failed", "succeeded"):
        store.add("cell", row(0, outcome))
    store.add("cell", row(1, "error"))
    assert store.missing("cell", 2) == [1]
    assert list(store.rows(["cell"], 2)["outcome"]) == ["failed", "error"]


@pytest.mark.parametrize(
    ("recipe", "line"),
    [
        ("data: [", "expected YAML"),
        ("- a", r"expected a recipe with the keys data, .*, got the list \['a'\]"),
        (RECIPE + "  deleting: hackattend\n", "expected each key once, got 'deleting' twice"),
        (
            RECIPE + "exmples: 3\n",
            "expected one of the keys data, .*, got 'exmples'; did you mean 'examples'",
        ),
        (RECIPE + "examples: none\n", "examples: expected a whole number, got the text 'none'"),
        (RECIPE + "examples: 0\n", "examples: expected at least 1, got 0"),
        ("victims: {a: b}\nattacks: {a: b}\n", "expected the key 'data', got none"),
        (RECIPE.replace("tiny: victim", "tiny: []"), "victim 'tiny': expected at least one"),
        (RECIPE.replace("  tiny: victim", "  {}"), "victims: expected at least one"),
        (
            RECIPE.replace("recipe: hack", "recip: hack"),
            "attack 'HackAttend': expected the key 'recipe', got none",
        ),
    ],
)
def test_a_recipe_that_is_refused(recipe: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(recipe)
    with pytest.raises(InvalidInputError, match=rf"recipe.yaml: .*{line}") as error:
        read_recipe(tmp_path / "recipe.yaml")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("recipe: hackattend", "recipe: hackatend", "got 'hackatend'; did you mean 'hackattend'?"),
        ("attacks.py^deleting", "attacks.py^delete", "attacks.py: expected a function 'delete'"),
        ("attacks.py^deleting", "attack.py^deleting", "attack.py: expected a Python file"),
        ("data.tsv^text,label", "dta.tsv^text,label", "dta.tsv: cannot be read"),
        ("data.tsv^text,label", "dta", "data: expected PATH^NAME"),
        ("mask_fraction: 0.1", "mask_fration: 0.1", "hackattend: expected options that it has"),
        ("mask_fraction: 0.1", "mask_fraction: 2", "mask_fraction"),
        ("data: data", "encoder: no/such\ndata: data", "no/such: expected the folder of a checkp"),
    ],
)
def test_what_cannot_be_had_is_one_line(old: str, new: str, line: str, folder: Path) -> None:
    (folder / "recipe.yaml").write_text(RECIPE.replace(old, new))
    arguments = ["benchmark", str(folder / "recipe.yaml"), "--store", str(folder / "s.sqlite")]
    shown = CliRunner().invoke(main, arguments)
    assert shown.exit_code == 1
    assert line in shown.output
    assert "Traceback" not in shown.output


def test_paths_are_beside_the_recipe_and_names_stay(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VICTIM_FOLDER", str(folder))
    (folder / "again").mkdir()
    (folder / "recipe.yaml").write_text(
        RECIPE.replace("tiny: victim", "tiny: [victim, org/name, $VICTIM_FOLDER/again]")
    )
    recipe = read_recipe(folder / "recipe.yaml")
    victim = str(folder / "victim")
    assert recipe.victims["tiny"] == [victim, "org/name", str(folder / "again")]
    assert recipe.data == f"{folder / 'data.tsv'}^text,label"
    assert recipe.attacks["deleting"].recipe == f"{folder / 'attacks.py'}^deleting"
    assert recipe.attacks["HackAttend"].recipe == "hackattend"


def test_the_table_by_hand(tmp_path: Path) -> None:
    # 4 examples: one skipped, one flipped, one held, one that raised
    first = [
        row(0, "skipped", 0.5, queries=1),
        structured(1, "succeeded", 1.0, 10, 4, 6.0),
        structured(2, "failed", 2.5, 30, 8),
        row(3, "error", 0.0, error="RuntimeError: no"),
    ]
    # all right, two flipped
    second = [
        structured(0, "succeeded", 1.0, 10, 2, 2.0),
        structured(1, "succeeded", 1.0, 20, 4, 6.0),
        structured(2, "failed", 1.0, 30, 6),
        structured(3, "failed", 1.0, 40, 8),
    ]
    alone = [row(0, "succeeded", 2.0, queries=7, perturbed_words=0.5, similarity=0.9)]
    results = results_of(
        Store(tmp_path / "store.sqlite"),
        {("V", "A", "v0"): first, ("V", "A", "v1"): second, ("W", "B", "w"): alone},
    )
    two, one = comparison(results).to_dict("records")
    assert re.fullmatch(r"41.7 ± 11.8% \(\d+ to \d+\)", two.pop("robust"))  # 1 of 3, 2 of 4
    assert re.fullmatch(r"50.0 ± 0.0% \(\d+ to \d+\)", two.pop("ASR"))
    assert two == {
        "victim": "V",
        "attack": "A",
        "models": 2,
        "clean": "83.3 ± 23.6%",  # 2 of 3, 4 of 4
        "queries": "22.5 ± 3.5",  # 20 and 25
        "candidates": "5.50 ± 0.71",  # 6 and 5
        "words": "",
        "similarity": "",
        "Hamming": "5.00 ± 1.41",  # 6 and 4
        "matrices": "3.00 ± 0.00",
        "seconds": "1.50 ± 0.71",  # 4 seconds for 2, 4 for 4
        "seconds per success": "3.00 ± 1.41",  # 4 for 1, 4 for 2
        "errors": 1,
    }
    assert (one["words"], one["similarity"]) == ("50.0%", "0.90")
    assert one["ASR"] == "100.0% (21 to 100)"  # Wilson: 1 / (1 + 1.96^2)
    assert one["candidates"] == one["Hamming"] == ""


def test_the_first_hundred_successes_of_each_model_count(tmp_path: Path) -> None:
    """What failed, and successes behind the first 100, would change every mean."""
    first = [structured(n, "failed", 9.0, 9, 9) for n in range(0, 200, 2)]
    first += [structured(n, "succeeded", 1.0, 10, 4, 2.0) for n in range(1, 200, 2)]
    first += [structured(200 + n, "succeeded", 50.0, 500, 50, 2.0) for n in range(5)]
    second = [structured(n, "succeeded", 3.0, 20, 6, 2.0) for n in range(30)]
    nothing = [row(n, "failed", 1.0, queries=5) for n in range(3)]
    results = results_of(
        Store(tmp_path / "store.sqlite"),
        {("V", "A", "v0"): first, ("V", "A", "v1"): second, ("W", "B", "w"): nothing},
    )
    (found,) = successes(results).to_dict("records")
    assert found == {
        "victim": "V",
        "attack": "A",
        "models": 2,
        "successes": 130,
        "seconds": "2.00 ± 1.41",  # 1 and 3
        "queries": "15.0 ± 7.1",  # 10 and 20
        "candidates": "5.00 ± 1.41",  # 4 and 6
    }
    failing = {("W", "B", "w"): nothing}
    alone = results_of(Store(tmp_path / "other.sqlite"), failing)
    assert successes(alone).empty


def test_intervals_are_those_of_a_share(tmp_path: Path) -> None:
    """The interval of 40 of 100 is that of a binomial: 30.4 to 49.6 in its normal approximation."""
    rows = [row(n, "succeeded" if n % 5 < 2 else "failed", queries=1) for n in range(100)]
    recipe = Recipe(data="data", victims={"V": ["v"]}, attacks={"A": "A"})  # type: ignore[dict-item]
    store = Store(tmp_path / "store.sqlite")
    begun = store.begin(recipe.model_dump_json(), "", 100)
    cell = store.cell({})
    store.enter(begun, Entry("V", "A", "v", 0, cell, None))
    for one in rows:
        store.add(cell, one)
    found = summary(Results.of(store)).set_index("measure").loc["ASR"]
    assert found["mean"] == pytest.approx(0.4)
    assert found["low"] == pytest.approx(0.304, abs=0.02)
    assert found["high"] == pytest.approx(0.496, abs=0.02)
    assert pd.isna(found["deviation"])


def test_models_that_fail_on_the_same_texts_are_no_more_certain_than_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    rows = [row(n, "succeeded" if n < 2 else "failed", queries=1) for n in range(4)]
    one = summary(results_of(store, {("V", "A", "v"): rows}, "one"))
    three = summary(results_of(store, {("V", "A", f"v{n}"): rows for n in range(3)}, "three"))
    pd.testing.assert_frame_equal(one[["mean", "low", "high"]], three[["mean", "low", "high"]])
    assert one["deviation"].isna().all()
    assert (three["deviation"] == 0).all()


def test_runs_are_compared_text_by_text(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    outcomes = (
        ["failed", "failed", "succeeded", "error"],
        ["succeeded", "failed", "failed", "failed"],
    )
    first, second = (
        results_of(store, {("V", "A", "v"): [row(n, o) for n, o in enumerate(some)]}, str(some))
        for some in outcomes
    )
    (found,) = differences(first, second).to_dict("records")
    assert re.fullmatch(r"\+0.0 \(-\d+.\d to \+\d+.\d\)", found.pop("difference"))
    assert found == {
        "victim": "V",
        "attack": "A",
        "models": "1",
        "examples": 3,
        "p": "1.000",
        "first": "66.7%",
        "second": "66.7%",
        "only first": "1",
        "only second": "1",
    }
    other = results_of(store, {("V", "B", "v"): [row(0, "failed")]}, "other")
    with pytest.raises(InvalidInputError, match="a victim, an attack and texts that both have"):
        differences(first, other)


def test_victims_stand_under_each_other_and_attacks_side_by_side(tmp_path: Path) -> None:
    failed, flipped = row(0, "failed", queries=9), row(0, "succeeded", queries=4)
    store = Store(tmp_path / "store.sqlite")
    results_of(
        store,
        {
            ("plain", "Z", "v0"): [flipped],
            ("plain", "A", "v0"): [failed, row(1, "skipped")],
            ("defended", "Z", "w0"): [flipped],
            ("defended", "Z", "w1"): [failed],
        },
    )
    robust = side_by_side(Results.of(store), "robust").to_dict("records")
    assert robust == [
        {"victim": "plain", "Z": "0.0%", "A": "50.0%"},
        {"victim": "defended", "Z": "50.0 ± 70.7%", "A": ""},
    ]
    arguments = ["results", "--store", store.path, "--table", "queries", "--format", "csv"]
    printed = CliRunner().invoke(main, arguments)
    assert list(csv.reader(printed.stdout.splitlines())) == [
        ["victim", "Z", "A"],
        ["plain", "4.00", "9.00"],
        ["defended", "6.50 ± 3.54", ""],
    ]


def test_results_are_shown_without_torch_and_textattack() -> None:
    code = (
        "import sys, textattack_attend.benchmark.export, textattack_attend.benchmark.pairing;"
        "print({'torch', 'textattack', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_several_runs_of_a_store_are_one_table(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    for name in ("v0", "v1"):
        results_of(store, {("V", "A", name): [row(0, "failed", queries=1)]}, name)
    (last,) = comparison(Results.of(store)).to_dict("records")
    (both,) = comparison(Results.of(store, [run.id for run in store.runs()])).to_dict("records")
    assert (last["models"], both["models"]) == (1, 2)
    with pytest.raises(InvalidInputError, match=r"expected a run out of .*, got nothing"):
        Results.of(store, ["nothing"])


def test_a_label_that_means_two_things_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    rows = [row(0, "failed", queries=1)]
    one = results_of(store, {("V", "A", "v"): rows}, "one")
    elsewhere = results_of(store, {("V", "A", "w"): rows}, "two", data="other data")
    newer = results_of(store, {("V", "A", "v"): rows}, "two")
    with pytest.raises(InvalidInputError, match=r"A on V: .* differ in data; look"):
        Results.together([one, elsewhere])
    with pytest.raises(InvalidInputError, match=r"A on V: .* differ in versions; look"):
        Results.together([one, newer])
    assert len(Results.together([one, one]).rows) == Results.together([one, one]).expected == 1


def test_a_run_without_rows_has_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="expected attacked examples, got none of this run"):
        results_of(Store(tmp_path / "store.sqlite"), {("V", "A", "v"): []})


def test_all_is_entered_before_the_first_attack(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a killed run shows nothing of what it was with other weights or libraries."""
    benchmark = Benchmark(read_recipe(folder / "recipe.yaml"), Store(folder / "store.sqlite"))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "add", killed)
    with pytest.raises(KeyboardInterrupt):
        benchmark.run()
    (begun,) = benchmark.store.runs()
    assert [entry.attack for entry in benchmark.store.entries(begun)] == ["HackAttend", "deleting"]


def test_stores_of_several_machines_are_one_table(tmp_path: Path) -> None:
    stores = [Store(tmp_path / f"{name}.sqlite") for name in ("one", "two")]
    parts = [
        results_of(store, {("V", "A", f"v{n}"): [row(0, outcome, queries=1)]})
        for n, (store, outcome) in enumerate(zip(stores, ("failed", "succeeded"), strict=True))
    ]
    (said,) = comparison(Results.together(parts)).to_dict("records")
    assert said["models"] == 2
    assert said["ASR"].startswith("50.0 ± 70.7%")
    assert len(Results.together([*parts, parts[0]]).rows) == 2
    paths = [argument for store in stores for argument in ("--store", store.path)]
    shown = CliRunner().invoke(main, ["results", *paths])
    assert "50.0 ± 70.7%" in shown.output
    runs = CliRunner().invoke(main, ["results", *paths, "--table", "runs", "--format", "csv"])
    assert len(runs.output.splitlines()) == 3
    named = CliRunner().invoke(main, ["results", *paths, "--run", stores[0].runs()[0].id])
    assert named.exit_code == 2
    assert "--run names a run of one store: got 2 stores" in named.output


def test_the_victims_cards_are_averaged(tmp_path: Path) -> None:
    rows = {("V", "A", f"v{n}"): [row(0, "failed", queries=1)] for n in range(2)}
    results = results_of(Store(tmp_path / "store.sqlite"), rows)
    assert victims(results).empty
    card = Card("sst2", "none", {}, "m", "d", 1e-5, 32, 3, 128, {}, 0, "float32")
    for number, accuracy in enumerate((0.8, 0.9)):
        ratio = 1.0 + number
        made: dict[str, Any] = {"step_seconds_ratio": ratio, "rows": 10, "extra_rows": 5}
        found = dataclasses.replace(card, accuracy=accuracy, **made)
        results.cards[f"v{number}"] = Card.from_json(found.to_json())
    (said,) = victims(results).to_dict("records")
    assert said == {
        "victim": "V",
        "models": 2,
        "dev accuracy": "85.0 ± 7.1%",
        "training time (plain: 1)": "2.25 ± 1.06",
    }


def test_the_command_prints_the_tables(folder: Path) -> None:
    arguments = ["benchmark", str(folder / "recipe.yaml"), "--store", str(folder / "s.sqlite")]
    shown = CliRunner().invoke(main, arguments)
    assert shown.exit_code == 0, shown.output
    assert re.search(r"\| tiny +\| HackAttend +\| 1 +\| 91.7% ", shown.output)
    assert shown.stdout.startswith("**Attacks**\n\n| victim")
    said = shown.stderr.splitlines()
    assert "the whole run: 0 of 24" in said
    assert "HackAttend on tiny: 0 of 12" in said
    assert any(re.fullmatch(r"deleting on tiny: 12 examples, \d+ s, ASR 100.0%", s) for s in said)
    assert said[-3].startswith(f"next: textattack-attend report --store {folder}/s.sqlite ")
    with sqlite3.connect(folder / "s.sqlite") as database:
        assert database.execute("select count(*) from examples").fetchone() == (2 * EXAMPLES,)
    again = CliRunner().invoke(main, arguments)
    assert again.stdout == shown.stdout
    assert "24 of 24 rows are in the store" in again.stderr.splitlines()


@pytest.mark.parametrize("kind", ["markdown", "latex", "csv", "raw-csv", "json", "parquet"])
@pytest.mark.parametrize("table", ["comparison", "summary", "rows", "runs"])
def test_what_a_store_holds_is_exported(kind: str, table: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite")
    rows = [row(0, "failed", queries=1), row(1, "succeeded", queries=3, perturbed_words=0.5)]
    results_of(store, {("a_b", "50% & <more>", "v"): rows})
    file = tmp_path / "exported"
    arguments = ["results", "--store", store.path, "--table", table, "--format", kind]
    done = CliRunner().invoke(main, [*arguments, "--output", str(file)])
    assert done.exit_code == 0, done.output
    if kind in READ:
        read = READ[kind](file)
        assert len(read) == {"comparison": 1, "summary": len(summary(Results.of(store)))}.get(
            table, 1 if table == "runs" else 2
        )
        if table != "runs":
            assert set(read["attack"]) == {"50% & <more>"}
    elif table != "runs":
        shown = r"a\_b & 50\% \& <more>" if kind == "latex" else "| a_b"
        assert shown in file.read_text()
    printed = CliRunner().invoke(main, arguments)
    assert printed.exit_code == (2 if kind == "parquet" else 0)
    by_ending = tmp_path / f"exported.{kind}"
    arguments = ["results", "--store", store.path, "--table", table, "--output", str(by_ending)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert by_ending.read_bytes() == file.read_bytes()


READ: dict[str, Any] = {
    "csv": pd.read_csv,
    "raw-csv": pd.read_csv,
    "json": partial(pd.read_json, orient="table"),
    "parquet": pd.read_parquet,
}


def test_commands_on_stores_say_what_is_missing(tmp_path: Path) -> None:
    missing = CliRunner().invoke(main, ["results", "--store", str(tmp_path / "none.sqlite")])
    assert missing.exit_code == 1
    assert "expected a store that `benchmark` wrote, got no file" in missing.output
    Store(tmp_path / "empty.sqlite")
    empty = CliRunner().invoke(main, ["results", "--store", str(tmp_path / "empty.sqlite")])
    assert empty.exit_code == 1
    assert "expected results of a benchmark, got none yet" in empty.output


def test_runs_are_compared_by_the_command(folder: Path) -> None:
    run(folder, "one.sqlite")
    run(folder, "two.sqlite")
    stores = [str(folder / name) for name in ("one.sqlite", "two.sqlite")]
    shown = CliRunner().invoke(main, ["compare", *stores])
    assert shown.exit_code == 0, shown.output
    assert len(re.findall(r"\| \+0.0 \(-15.* to \+15.*\) \| 1.000 \| 0 +\| 0 ", shown.output)) == 2


def test_every_seed_is_a_model_of_the_table(folder: Path) -> None:
    recipe = RECIPE.replace(
        "  deleting: attacks.py^deleting",
        "  random: {recipe: hackattend-random, options: {mask_fraction: 0.3}}",
    )
    (folder / "recipe.yaml").write_text(recipe + "seeds: [1, 2]\n")
    benchmark = run(folder)
    rows = Results.of(benchmark.store).rows
    assert len(rows) == 4 * EXAMPLES
    masked = rows[rows["attack"] == "random"].pivot(
        index="position", columns="seed", values="masked"
    )
    assert (masked[1] != masked[2]).any()
    assert list(comparison(Results.of(benchmark.store))["models"]) == [2, 2]


def test_no_row_depends_on_which_others_were_attacked(folder: Path) -> None:
    """Random words to swap, and a run that was interrupted in the middle of an attack."""
    recipe = RECIPE.replace("attacks.py^deleting", "deepwordbug")
    (folder / "recipe.yaml").write_text(recipe)
    whole = rows_of(run(folder, "whole.sqlite"))
    parts = Benchmark(read_recipe(folder / "recipe.yaml"), Store(folder / "parts.sqlite"))
    parts.run()
    with sqlite3.connect(parts.store.path) as database:
        database.execute("delete from examples where position % 3 > 0")
    parts.run()
    pd.testing.assert_frame_equal(rows_of(parts), whole, check_exact=True)


def test_a_late_attack_gives_up(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(RECIPE + "seconds: 0.000001\n")
    rows = rows_of(run(folder))
    assert "error" not in set(rows["outcome"])
    (folder / "recipe.yaml").write_text(RECIPE + "seconds: 1000\n")
    patient = rows_of(run(folder))
    assert (rows["queries"] <= patient["queries"]).all()
    assert rows["queries"].sum() < patient["queries"].sum() / 2
    (folder / "recipe.yaml").write_text(RECIPE)
    pd.testing.assert_frame_equal(patient, rows_of(run(folder)), check_exact=True)


def test_a_limit_of_seconds_leaves_that_of_queries(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(RECIPE + "queries: 5\n")
    budgeted = rows_of(run(folder))
    assert budgeted["queries"].max() == 5
    (folder / "recipe.yaml").write_text(RECIPE + "queries: 5\nseconds: 1000\n")
    pd.testing.assert_frame_equal(budgeted, rows_of(run(folder)), check_exact=True)


def test_the_meaning_of_changed_texts_is_measured(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(RECIPE + "encoder: victim\n")
    rows = rows_of(run(folder))
    measured = rows[rows["similarity"].notna()]
    assert set(measured["attack"]) == {"deleting"}
    assert (
        len(measured) == ((rows["outcome"] == "succeeded") & (rows["attack"] == "deleting")).sum()
    )
    assert measured["similarity"].between(-1, 1).all()


@pytest.mark.parametrize("name", known_recipes())
def test_the_recipes_that_come_with_the_package_can_be_read(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("DATA", "VICTIM", "RUNS", "ENCODER", "MASKED_LM"):
        monkeypatch.setenv(variable, "anything")
    recipe = read_recipe(known_recipes()[name])
    for attack in recipe.attacks.values():
        attack_builder(attack.recipe)
    if name == "quick":
        assert recipe.published is None
    else:
        assert recipe.published is not None
        assert not name.startswith("table") or f"Table {name[-1]} " in recipe.published.source


def test_what_the_environment_lacks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VICTIM", raising=False)
    monkeypatch.setenv("DATA", "data")
    store = tmp_path / "store.sqlite"
    done = CliRunner().invoke(main, ["benchmark", "table2", "--store", str(store)])
    assert done.exit_code == 1
    assert not store.exists()
    assert "expected the environment variables VICTIM that it names" in done.output


def test_a_recipe_is_validated_without_running_it(folder: Path) -> None:
    done = CliRunner().invoke(main, ["validate", str(folder / "recipe.yaml")])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        f"data: {folder / 'data.tsv'}^text,label, all {EXAMPLES} examples",
        f"victim tiny: {folder / 'victim'}, BertForSequenceClassification",
        "attack HackAttend: hackattend(mask_fraction=0.1)",
        f"attack deleting: {folder / 'attacks.py'}^deleting()",
        f"attack deleting: {folder / 'attacks.py'} was read and not executed, so it was not "
        "checked that it can be imported and that its attack can be built and run; if you trust "
        "the file, --run-code does that",
        f"{2 * EXAMPLES} attacks in all",
    ]
    (folder / "recipe.yaml").write_text(RECIPE.replace("tiny: victim", "tiny: no/such-model"))
    store = ["--store", str(folder / "store.sqlite")]
    for command, options in (("validate", []), ("benchmark", store)):
        gone = CliRunner().invoke(main, [command, str(folder / "recipe.yaml"), *options])
        assert gone.exit_code == 1
        assert "no/such-model: expected the folder of a checkpoint" in gone.output
    for old, new, line in (
        ("mask_fraction", "mask_fration", "hackattend: expected options that it has"),
        ("data: data", "encoder: no/such\ndata: data", "no/such: expected the folder of a checkp"),
    ):
        (folder / "recipe.yaml").write_text(RECIPE.replace(old, new))
        wrong = CliRunner().invoke(main, ["validate", str(folder / "recipe.yaml")])
        assert wrong.exit_code == 1
        assert line in wrong.output
    misspelt = CliRunner().invoke(main, ["validate", "tabel2"])
    assert "did you mean 'table2'?" in misspelt.output


def test_what_is_known_is_listed() -> None:
    done = CliRunner().invoke(main, ["ls"])
    assert done.exit_code == 0, done.output
    for name in ("table2", "hackattend", "textfooler", "attend-demo", "s-attend", "dream", "bert"):
        assert re.search(rf"^  {name}\b", done.output, re.M), name
