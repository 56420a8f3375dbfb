"""Data and classes by their names, through the real command line."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from transformers import (
    AutoConfig,
    BertForMultipleChoice,
    BertForSequenceClassification,
    BertTokenizerFast,
)

from textattack_attend.benchmark import Results, Store, read_recipe
from textattack_attend.benchmark.running import Benchmark
from textattack_attend.commands.main import main
from textattack_attend.errors import InvalidInputError

from ..conftest import tiny_config, tiny_model
from ..helpers.tiny_training import write_pretrained

NLI = """premise,hypothesis,label
the actor was good,the actor was great,entailment
the actor was good,the actor was bad,CONTRADICTION
the film was dull,the film was funny,contradiction
the story was warm,the scene was cold,neutral
"""
REVIEWS = "text,label\na truly awful film,bad\nan awful plot,bad\na wonderful film,Good\n"
COMMAND = "from textattack_attend.commands.main import main; main()"
ORDERS = {
    "one": ("entailment", "neutral", "contradiction"),
    "other": ("contradiction", "entailment", "neutral"),
}


def saved(folder: Path, vocabulary: Path, names: Sequence[str], always: str) -> str:
    """Saves a classifier that always answers the class of one name."""
    model = tiny_model(labels=len(names))
    assert isinstance(model, BertForSequenceClassification)
    with torch.no_grad():
        model.classifier.bias[names.index(always)] += 1000
    model.config.id2label = dict(enumerate(names))
    model.config.label2id = {name: number for number, name in enumerate(names)}
    model.save_pretrained(folder)
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder)
    return str(folder)


def said(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(one) for one in arguments])
    return done.exit_code, done.output


def attacked(recipe: Path, store: Path) -> pd.DataFrame:
    run = Benchmark(read_recipe(recipe), Store(store))
    run.run()
    return Results.of(Store(store, new=False), [run.id]).rows


def test_models_that_count_in_another_order_are_right_as_often(
    tmp_path: Path, vocabulary: Path
) -> None:
    """The silent wrong number of NLI: the third class of one model is the first of another."""
    (tmp_path / "nli.csv").write_text(NLI)
    for name, order in ORDERS.items():
        saved(tmp_path / name, vocabulary, order, "contradiction")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "data: nli.csv^premise,hypothesis,label\n"
        "victims: {one: one, other: other}\n"
        "attacks: {random: {recipe: hackattend-random}}\n"
    )
    rows = attacked(recipe, tmp_path / "store.sqlite")
    by = {name: own.sort_values("position") for name, own in rows.groupby("victim")}
    assert by["one"]["label"].tolist() == [0, 2, 2, 1]
    assert by["other"]["label"].tolist() == [1, 0, 0, 2]
    for own in by.values():
        names = ["entailment", "contradiction", "contradiction", "neutral"]
        assert own["label_name"].tolist() == names
        assert own["before_name"].tolist() == own["after_name"].tolist() == ["contradiction"] * 4
        assert own["outcome"].tolist() == ["skipped", "failed", "failed", "skipped"]


def test_numbers_of_sst2_are_placed_by_name(tmp_path: Path, vocabulary: Path) -> None:
    (tmp_path / "dev.tsv").write_text("a good film\t1\na bad film\t0\na dull plot\t0\n")
    saved(tmp_path / "swapped", vocabulary, ("positive", "negative"), "negative")
    recipe = tmp_path / "recipe.yaml"
    text = "data: dev.tsv^sst2\nvictims: {v: swapped}\nattacks: {r: hackattend-random}\n"
    recipe.write_text(text)
    rows = attacked(recipe, tmp_path / "store.sqlite").sort_values("position")
    assert rows["label"].tolist() == [0, 1, 1]
    assert rows["outcome"].tolist() == ["skipped", "failed", "failed"]
    assert rows["label_name"].tolist() == ["positive", "negative", "negative"]
    recipe.write_text(text.replace("dev.tsv^sst2", "dev.tsv") + "label_names: [good, bad]\n")
    rows = attacked(recipe, tmp_path / "store.sqlite").sort_values("position")
    assert rows["label"].tolist() == [1, 0, 0]  # a number alone counts as the model does
    assert rows["label_name"].tolist() == ["bad", "good", "good"]


def test_a_recipe_whose_names_do_not_match_is_refused(tmp_path: Path, vocabulary: Path) -> None:
    (tmp_path / "nli.csv").write_text(NLI)
    saved(tmp_path / "two", vocabulary, ("entailment", "not_entailment"), "entailment")
    recipe = tmp_path / "recipe.yaml"
    text = "victims: {v: two}\nattacks: {r: hackattend-random}\n"
    recipe.write_text(f"data: nli.csv^premise,hypothesis,label\n{text}")
    code, output = said("validate", recipe)
    assert code == 1
    assert "victim 'v': " in output
    assert "expected labels that the model knows (entailment, not_entailment)" in output
    recipe.write_text(f"data: demo\nlabel_names: [a, A]\n{text}")
    with pytest.raises(InvalidInputError, match=r"label_names: .*'A' twice"):
        read_recipe(recipe)


def test_a_cell_with_something_else_in_place_of_names_is_refused(
    tmp_path: Path, vocabulary: Path
) -> None:
    recipe, path = tmp_path / "recipe.yaml", tmp_path / "store.sqlite"
    saved(tmp_path / "victim", vocabulary, ("negative", "positive"), "positive")
    (tmp_path / "dev.tsv").write_text("a good film\t1\n")
    recipe.write_text("data: dev.tsv^sst2\nvictims: {v: victim}\nattacks: {r: hackattend-random}\n")
    assert attacked(recipe, path)["label_name"].tolist() == ["positive"]
    for key, expected in ((["\x1b[2J", "b"], r"b"), ("words", ""), ([1, 2], "")):
        with sqlite3.connect(path) as database:
            ((text,),) = database.execute("select key from cells").fetchall()
            changed = json.dumps(json.loads(text) | {"labels": key})
            database.execute("update cells set key = ?", [changed])
        if expected:
            assert Results.of(Store(path, new=False)).rows["label_name"].tolist() == [expected]
        else:
            code, output = said("results", "--store", path)
            assert code == 1
            assert "labels: expected the names of classes" in output


def test_measurements_read_words_and_say_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text(REVIEWS)
    demo = ["--model", "attend-demo"]
    refused = {
        (str(path),): f"columns text, label: write those of the text and, last, that of the "
        f"label, as {path}^text,label",
        (f"{path}^text,label",): "expected labels that the model knows (negative, positive), got "
        "'bad', 'Good'; mend the data, or name the model's classes in the words of the data",
        (f"{path}^text,lable",): "expected a column 'lable', got the columns text, label; did you "
        "mean 'label'?",
        (f"{path}^text,label", "--label-names", "bad"): "expected a name for every class",
        (f"{path}^text,label", "--label-names", "bad,so,good"): "expected 2, one for each class",
    }
    for (data, *names), line in refused.items():
        code, output = said("check", *demo, "--data", data, *names)
        assert code == 1
        *_, last = output.splitlines()
        assert line in last
    code, output = said("check", *demo, "--data", f"{path}^text,label", "--label-names", "bad,good")
    assert (code, "nothing suspicious on 3 examples" in output) == (0, True), output


def test_pairs_and_questions_are_measured(tmp_path: Path, vocabulary: Path) -> None:
    (tmp_path / "nli.csv").write_text(NLI)
    model = saved(tmp_path / "one", vocabulary, ORDERS["one"], "contradiction")
    pairs = ["--model", model, "--data", f"{tmp_path}/nli.csv^premise,hypothesis,label"]
    code, output = said("robustness", *pairs)
    assert code == 0, output
    assert "100.00%     50.0%" in output  # two of four are contradictions, and nothing flips them
    words = tmp_path / "words.txt"
    words.write_text("good\n")
    code, output = said("attention", *pairs, "--opinion-words", words)
    assert (code, "expected texts of one column" in output) == (1, True), output

    dream, chooser = tmp_path / "dev.json", tmp_path / "chooser"
    asked = {"question": "the film is", "choice": ["good", "bad", "dull"], "answer": "dull"}
    dream.write_text(json.dumps([[["the film"], [asked], "1"], [["a plot"], [asked], "2"]]))
    BertForMultipleChoice(tiny_config("bert")).save_pretrained(chooser)
    BertTokenizerFast(str(vocabulary)).save_pretrained(chooser)
    questions = ["--model", chooser, "--data", f"{dream}^dream"]
    code, output = said("check", *questions)
    assert "examples" in output
    assert "Traceback" not in output
    code, output = said("robustness", *questions)
    assert code == 0, output
    assert "  fraction  accuracy" in output
    code, output = said("check", *questions, "--label-names", "a,b,c")
    assert (code, "expected none, as the model scores choices" in output) == (1, True)


def test_training_writes_the_names_of_words(tmp_path: Path, vocabulary: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    lines = ["text,label", *["good good,positive", "bad bad,negative", "the film,neutral"] * 8]
    for name in ("train.csv", "dev.csv"):
        (folder / name).write_text("\n".join(lines))
    start = write_pretrained(tmp_path / "pretrained", vocabulary)
    short = ["--model", start, "--epochs", "1"]
    code, output = said("train", "--data", folder, *short, "--output", tmp_path / "no")
    assert code == 1
    assert output.endswith(f"that of the label, as {folder}^text,label\n")
    data = ["--data", f"{folder}^text,label"]
    code, output = said("train", *data, *short, "--output", tmp_path / "model")
    assert code == 0, output
    config = AutoConfig.from_pretrained(tmp_path / "model")
    assert config.id2label == {0: "negative", 1: "neutral", 2: "positive"}
    assert config.label2id == {"negative": 0, "neutral": 1, "positive": 2}
    names = ["--label-names", "positive,neutral,negative"]
    code, output = said("train", *data, *short, *names, "--output", tmp_path / "model")
    assert (code, "another config" in output) == (1, True), output
    code, output = said("train", *data, *short, *names, "--output", tmp_path / "named")
    assert code == 0, output
    assert AutoConfig.from_pretrained(tmp_path / "named").id2label[0] == "positive"
    # A model that knows the same names keeps its order, because its head does.
    code, output = said(
        "train", *data, "--model", tmp_path / "named", "--epochs", 1, "--output", tmp_path / "on"
    )
    assert code == 0, output
    assert AutoConfig.from_pretrained(tmp_path / "on").id2label[0] == "positive"
    # Numbers have no names, and those of another task are not theirs.
    numbers = tmp_path / "numbers"
    numbers.mkdir()
    for name in ("train.csv", "dev.csv"):
        (numbers / name).write_text("text,label\n" + "good,0\nbad,1\nthe film,2\n" * 4)
    code, output = said(
        *("train", "--task", "text,label", "--data", numbers, "--model", tmp_path / "named"),
        *("--epochs", 1, "--output", tmp_path / "numbered"),
    )
    assert code == 0, output
    assert f"--task text,label: it can be written with the data, as --data {numbers}^" in output
    assert AutoConfig.from_pretrained(tmp_path / "numbered").id2label[0] == "LABEL_0"


def test_textattack_shows_names_and_places_by_them(tmp_path: Path, vocabulary: Path) -> None:
    (tmp_path / "nli.csv").write_text(NLI)
    model = saved(tmp_path / "other", vocabulary, ORDERS["other"], "contradiction")
    arguments = ["attack", "--recipe", "hackattend-random", "--model", model]
    arguments += ["--data", f"{tmp_path}/nli.csv^premise,hypothesis,label", "--num-examples", "4"]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Contradiction (100%)]] --> [[[FAILED]]]") == 2
    assert done.stdout.count("Contradiction (100%)]] --> [[[SKIPPED]]]") == 2
