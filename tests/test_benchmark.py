"""The benchmark: what a recipe may say, that no row is lost or doubled, and what rows add up to."""

from __future__ import annotations

import dataclasses
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from textattack import AttackArgs, Attacker
from transformers import BertTokenizerFast

from textattack_attend.benchmark import Benchmark, Store, comparison, read_recipe, victims
from textattack_attend.benchmark.recipe import Recipe
from textattack_attend.benchmark.recorder import row_of
from textattack_attend.benchmark.store import Row
from textattack_attend.card import Card
from textattack_attend.commands.main import main
from textattack_attend.datasets import from_name
from textattack_attend.errors import InvalidInputError, StoreError
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.named_attacks import build_attack

from .conftest import random_texts, tiny_model

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
    BertTokenizerFast(vocab_file=str(vocabulary)).save_pretrained(tmp_path / "victim")
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
    """In order, without what differs from run to run."""
    rows = benchmark.store.rows(list(benchmark.cells), benchmark.size)
    ordered = rows.sort_values(["cell", "position"], ignore_index=True)
    return ordered.drop(columns=MEASURED)


def test_rows_are_those_of_textattacks_own_runner(folder: Path) -> None:
    rows = rows_of(run(folder)).set_index("cell")
    dataset = from_name(str(folder / "data.tsv"), "text,label")
    expected = []
    for name, options in (
        (f"{folder}/attacks.py^deleting", {}),
        ("hackattend", {"mask_fraction": 0.1}),
    ):
        attack = build_attack(name, wrapper_for(str(folder / "victim")), **options)
        args = AttackArgs(num_examples=-1, silent=True)
        results = Attacker(attack, dataset, args).attack_dataset()
        expected.append([row_of(n, result, 0.0) for n, result in enumerate(results)])
    assert len(rows) == 2 * EXAMPLES
    for theirs in expected:
        ours = next(
            part
            for _, part in rows.groupby(level=0)
            if part["candidate_queries"].isna().all() == (theirs[0].candidate_queries is None)
        )
        for row, (_, found) in zip(theirs, ours.iterrows(), strict=True):
            for name in ("position", "outcome", "label", "text", "perturbed", "queries"):
                assert found[name] == getattr(row, name)
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
    resumed = run(folder)
    assert written == 2 * EXAMPLES + 2
    pd.testing.assert_frame_equal(rows_of(resumed), expected)


@pytest.mark.slow
def test_a_killed_run_loses_and_doubles_nothing(folder: Path) -> None:
    expected = rows_of(run(folder, "whole.sqlite"))
    command = [str(Path(sys.executable).with_name("textattack-attend")), "benchmark"]
    command += [str(folder / "recipe.yaml"), "--store", str(folder / "store.sqlite")]
    for killed in range(1, 11):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while written(folder / "store.sqlite") < 2 * killed:
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert written(folder / "store.sqlite") < 2 * EXAMPLES
    subprocess.run(command, check=True, capture_output=True)
    pd.testing.assert_frame_equal(rows_of(run(folder)), expected)


def written(store: Path) -> int:
    """Rows so far."""
    if not store.exists():
        return 0
    with sqlite3.connect(store) as database:
        try:
            return int(database.execute("select count(*) from examples").fetchone()[0])
        except sqlite3.OperationalError:  # there is no table yet
            return 0


def test_an_example_that_raises_is_a_row_of_its_own(folder: Path) -> None:
    recipe = RECIPE.replace("^deleting", "^choking").replace("deleting:", "choking:")
    (folder / "recipe.yaml").write_text(recipe)
    lines = (folder / "data.tsv").read_text().splitlines()
    lines[5] = "never a film\t1"
    lines[7] = "\t1"
    (folder / "data.tsv").write_text("\n".join(lines) + "\n")
    benchmark = run(folder)
    rows = benchmark.store.rows(list(benchmark.cells), benchmark.size)
    assert len(rows) == 2 * EXAMPLES
    labels = {cell: label for cell, (_, label, _) in benchmark.cells.items()}
    wrong = rows[rows["outcome"] == "error"]
    found = {(labels[row["cell"]], row["position"]) for _, row in wrong.iterrows()}
    assert ("choking", 4) in found
    assert ("HackAttend", 6) in found
    assert ("HackAttend", 4) not in found
    assert "RuntimeError: never again" in set(wrong["error"])
    table = comparison(benchmark).set_index("attack")
    assert table.loc["HackAttend", "errors"] == 1
    shown = CliRunner().invoke(
        main, ["benchmark", str(folder / "recipe.yaml"), "--store", str(folder / "store.sqlite")]
    )
    assert shown.exit_code == 1
    assert re.search(r"Error: \d examples could not be attacked", shown.output)


def test_a_changed_recipe_takes_over_what_it_shares(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(folder)
    (folder / "more.yaml").write_text(
        RECIPE + "  HackAttend 20%: {recipe: hackattend, options: {mask_fraction: 0.2}}\n"
    )
    attacked: list[str] = []
    second = Benchmark(read_recipe(folder / "more.yaml"), first.store)
    second.run(attacked.append)
    assert len(attacked) == 1
    assert attacked[0].startswith("HackAttend 20% on tiny")
    assert set(first.cells) < set(second.cells)
    (folder / "attacks.py").write_text(ATTACKS.replace("WordDeletion()", "WordDeletion( )"))
    third = Benchmark(read_recipe(folder / "recipe.yaml"), first.store)
    third.run()
    assert len(set(first.cells) & set(third.cells)) == 1


def test_two_runs_on_one_store_share_it(folder: Path) -> None:
    one = Benchmark(read_recipe(folder / "recipe.yaml"), Store(folder / "store.sqlite"))
    other = Benchmark(read_recipe(folder / "recipe.yaml"), Store(folder / "store.sqlite"))
    started: list[str] = []

    def start_the_other(line: str) -> None:
        if not started:
            started.append(line)
            other.run()

    one.run(start_the_other)
    assert len(rows_of(one)) == 2 * EXAMPLES
    pd.testing.assert_frame_equal(rows_of(one), rows_of(other))


def test_a_full_disk_keeps_what_was_written(folder: Path) -> None:
    store = Store(folder / "store.sqlite")
    benchmark = Benchmark(read_recipe(folder / "recipe.yaml"), store)
    pages = store._database.execute("pragma page_count").fetchone()[0]
    store._database.execute(f"pragma max_page_count = {pages + 1}")
    with pytest.raises(StoreError, match=r"store.sqlite: .*full.* what was written before is kept"):
        fill(store)
    rows = len(store.rows(["cell"], count=1000))
    assert 0 < rows < 1000
    assert benchmark.store.missing("cell", rows + 1) == [rows]


def fill(store: Store) -> None:
    for position in range(1000):
        store.add("cell", Row(position, "error", 0, 0.0, "text " * 100))


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_text("a text, and quite a long one " * 100)
    with pytest.raises(StoreError, match="expected a store that can be written"):
        Store(tmp_path / "store.sqlite")
    with pytest.raises(StoreError):
        Store(tmp_path)


@pytest.mark.parametrize(
    ("recipe", "line"),
    [
        ("data: [", "expected YAML"),
        ("- a", "the file: Input should be a valid dictionary"),
        (RECIPE + "  deleting: hackattend\n", "'deleting' is given twice"),
        (RECIPE + "exmples: 3\n", "exmples: Extra inputs are not permitted, got '3'"),
        (RECIPE + "examples: none\n", "examples: Input should be a valid integer.*'none'"),
        (RECIPE + "examples: 0\n", "examples: Input should be greater than 0, got '0'"),
        ("victims: {a: b}\nattacks: {a: b}\n", "data: Field required"),
        (RECIPE.replace("tiny: victim", "tiny: []"), "victims.tiny: List should have at least 1"),
        (RECIPE.replace("  tiny: victim", "  {}"), "victims: Dictionary should have at least 1"),
        (
            RECIPE.replace("recipe: hack", "recip: hack"),
            "attacks.HackAttend.recipe: Field required",
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
    monkeypatch.setenv("VICTIM_FOLDER", str(folder / "victim"))
    (folder / "recipe.yaml").write_text(
        RECIPE.replace("tiny: victim", "tiny: [victim, org/name, $VICTIM_FOLDER]")
    )
    recipe = read_recipe(folder / "recipe.yaml")
    victim = str(folder / "victim")
    assert recipe.victims["tiny"] == [victim, "org/name", victim]
    assert recipe.data == f"{folder / 'data.tsv'}^text,label"
    assert recipe.attacks["deleting"].recipe == f"{folder / 'attacks.py'}^deleting"
    assert recipe.attacks["HackAttend"].recipe == "hackattend"


class Known:
    """A benchmark that was run, with rows of our own."""

    def __init__(self, store: Store, rows: dict[tuple[str, str, str], list[Row]]) -> None:
        checkpoints: dict[str, list[str]] = {}
        for victim, _, checkpoint in rows:
            checkpoints.setdefault(victim, []).append(checkpoint)
        attacks: Any = {attack: attack for _, attack, _ in rows}
        self.recipe = Recipe(data="data", victims=checkpoints, attacks=attacks)
        self.store = store
        self.size = 4
        self.cells = {}
        self.cards: dict[str, Card] = {}
        for labels, own in rows.items():
            cell = store.cell({"of": labels})
            self.cells[cell] = labels
            for row in own:
                store.add(cell, row)


def test_the_table_by_hand(tmp_path: Path) -> None:
    # 4 examples: one skipped, one flipped, one held, one that raised
    first = [
        Row(0, "skipped", 0, 0.5, "a", "a", 1),
        Row(1, "succeeded", 0, 1.0, "b", "b", 10, 4, 1, None, 6.0, 3),
        Row(2, "failed", 1, 2.5, "c", "c", 30, 8, 1),
        Row(3, "error", 1, 0.0, "d", error="RuntimeError: no"),
    ]
    # all right, two flipped
    second = [
        Row(0, "succeeded", 0, 1.0, "a", "a", 10, 2, 1, None, 2.0, 3),
        Row(1, "succeeded", 0, 1.0, "b", "b", 20, 4, 1, None, 6.0, 3),
        Row(2, "failed", 1, 1.0, "c", "c", 30, 6, 1),
        Row(3, "failed", 1, 1.0, "d", "d", 40, 8, 1),
    ]
    alone = [Row(0, "succeeded", 0, 2.0, "a", "z", 7, None, None, 0.5)]
    benchmark: Any = Known(
        Store(tmp_path / "store.sqlite"),
        {("V", "A", "v0"): first, ("V", "A", "v1"): second, ("W", "B", "w"): alone},
    )
    two, one = comparison(benchmark).to_dict("records")
    assert two == {
        "victim": "V",
        "attack": "A",
        "models": 2,
        "clean": "83.3 ± 23.6%",  # 2 of 3, 4 of 4
        "robust": "41.7 ± 11.8%",  # 1 of 3, 2 of 4
        "ASR": "50.0 ± 0.0%",
        "queries": "22.5 ± 3.5",  # 20 and 25
        "candidates": "5.50 ± 0.71",  # 6 and 5
        "words": "",
        "Hamming": "5.00 ± 1.41",  # 6 and 4
        "seconds": "1.50 ± 0.71",  # 4 seconds for 2, 4 for 4
        "errors": 1,
    }
    assert one["words"] == "50.0%"
    assert one["ASR"] == "100.0%"
    assert one["candidates"] == one["Hamming"] == ""


def test_the_victims_cards_are_averaged(tmp_path: Path) -> None:
    rows = {("V", "A", f"v{n}"): [Row(0, "failed", 0, 1.0, "a", "a", 1)] for n in range(2)}
    benchmark: Any = Known(Store(tmp_path / "store.sqlite"), rows)
    assert victims(benchmark).empty
    card = Card("sst2", "none", {}, "m", "d", 1e-5, 32, 3, 128, {}, 0, "float32")
    for number, accuracy in enumerate((0.8, 0.9)):
        ratio = 1.0 + number
        made: dict[str, Any] = {"step_seconds_ratio": ratio, "rows": 10, "extra_rows": 5}
        found = dataclasses.replace(card, accuracy=accuracy, **made)
        benchmark.cards[f"v{number}"] = found
    (row,) = victims(benchmark).to_dict("records")
    assert row == {
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
    told = ["HackAttend on tiny", "deleting on tiny"]
    for line, start in zip(shown.stderr.splitlines(), told, strict=True):
        assert line.startswith(start)
    with sqlite3.connect(folder / "s.sqlite") as database:
        assert database.execute("select count(*) from examples").fetchone() == (2 * EXAMPLES,)
    again = CliRunner().invoke(main, arguments)
    assert again.stdout == shown.stdout
