"""Labels are placed by the names of classes, never by a number that means another class."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from textattack_attend.data.class_names import names_in, names_of_model, placement
from textattack_attend.data.data_name import parsed
from textattack_attend.data.tables import labelled_table
from textattack_attend.datasets import DemoReviews, dataset_named, sst2, table
from textattack_attend.datasets.rows import _say_once
from textattack_attend.errors import InvalidInputError

NLI = """premise,hypothesis,label
He sits.,A man sits.,Entailment
He sits.,Nobody sits., contradiction
He sits.,He reads.,neutral
"""


@pytest.mark.parametrize(
    ("id2label", "names"),
    [
        ({0: "negative", 1: "positive"}, ("negative", "positive")),
        ({"1": "positive", "0": "negative"}, ("negative", "positive")),
        ({0: "LABEL_0", 1: "LABEL_1"}, ()),
        ({0: "0", 1: "1"}, ()),
        ({0: "good", 1: "Good"}, ()),
        ({0: "good", 2: "bad"}, ()),
        ({0: "good", 1: None}, ()),
        ({0: "red\x1b[2J", 1: "blue"}, (r"red\x1b[2J", "blue")),
        (None, ()),
    ],
)
def test_names_in_a_configuration(id2label: object, names: tuple[str, ...]) -> None:
    assert names_in(id2label) == names


def test_given_names_are_other_words_and_no_other_order() -> None:
    own = ("NEGATIVE", "POSITIVE")
    assert names_of_model(own, (), 2) == own
    assert names_of_model(own, ("bad", "good"), 2) == ("bad", "good")
    assert names_of_model(own, ("negative", "good"), 2) == ("negative", "good")
    for given, line in {
        ("positive", "negative"): "'positive' is given as the name of class 0, but the model calls",
        ("bad", "so so", "good"): "expected 2, one for each class of the model, got 3",
        ("bad", "Bad"): "expected different names, got 'Bad' twice",
        ("bad", ""): "expected a name for every class",
    }.items():
        with pytest.raises(InvalidInputError, match=line):
            names_of_model(own, given, 2)


def test_a_class_is_found_by_its_name() -> None:
    model = ("Contradiction", "Entailment", "Neutral")
    assert placement(["entailment", "neutral", "contradiction"], model, "d") == [1, 2, 0]
    assert placement(["negative", "positive"], ("negative", "neutral", "positive"), "d") == [0, 2]
    with pytest.raises(InvalidInputError, match="got 'not_entailment'; mend the data, or name"):
        placement(["entailment", "not_entailment"], model, "d")


def test_words_of_a_table_are_numbers_for_each_model(tmp_path: Path) -> None:
    path = tmp_path / "nli.csv"
    path.write_text(NLI)
    read = labelled_table(path, ["premise", "hypothesis"])
    assert (read.names, read.are_words) == (("contradiction", "Entailment", "neutral"), True)
    data = dataset_named(f"{path}^premise,hypothesis,label")
    for names, labels in {
        ("entailment", "neutral", "contradiction"): [0, 2, 1],
        ("contradiction", "entailment", "neutral"): [1, 0, 2],
    }.items():
        placed = data.for_model(names)
        assert [label for _, label in placed] == labels
        assert (placed.label_names, placed.is_placed_by_name) == (list(names), True)
        assert [label for _, label in placed.for_model(names)] == labels
    with pytest.raises(InvalidInputError, match=r"the words contradiction.*--label-names"):
        data.for_model(())
    with pytest.raises(InvalidInputError, match="expected a model that names its classes"):
        data.filter_by_labels_([0])


def test_words_and_numbers_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\ngood,positive\nbad,0\n")
    with pytest.raises(InvalidInputError, match="line 3: expected the name of a class as label"):
        labelled_table(path, ["text"])
    path.write_text("text,label\nbad,0\ngood,positive\n")
    with pytest.raises(InvalidInputError, match="line 3: expected a class counted from 0"):
        labelled_table(path, ["text"])
    for value in ("-1", "0.5", "nan", '""'):
        path.write_text(f"text,label\nbad,{value}\n")
        with pytest.raises(InvalidInputError, match="line 2: expected a class counted from 0"):
            labelled_table(path, ["text"])


def test_a_published_order_is_the_models_or_is_changed_with_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "dev.tsv"
    path.write_text("a good film\t1\na bad one\t0\n")
    _say_once.cache_clear()
    with caplog.at_level(logging.WARNING):
        same, swapped, three = (
            sst2(path).for_model(names)
            for names in (
                ("NEGATIVE", "POSITIVE"),
                ("positive", "negative"),
                ("negative", "neutral", "positive"),
            )
        )
        sst2(path).for_model(("positive", "negative"))
    assert [[label for _, label in data] for data in (same, swapped, three)] == [
        [1, 0],
        [0, 1],
        [2, 0],
    ]
    assert [data.is_placed_by_name for data in (same, swapped, three)] == [False, True, True]
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert "negative 0 -> negative 1, positive 1 -> positive 0" in lines[0]
    with pytest.raises(InvalidInputError, match=r"that the model knows \(bad, good\), got 'neg"):
        sst2(path).for_model(("bad", "good"))
    unnamed = sst2(path).for_model(())
    assert [label for _, label in unnamed] == [1, 0]
    assert unnamed.label_names == ["negative", "positive"]


def test_more_classes_than_names_have_none(tmp_path: Path) -> None:
    path = tmp_path / "dev.tsv"
    path.write_text("a good film\t2\na bad one\t0\n")
    assert sst2(path).label_names is None
    assert [label for _, label in sst2(path).for_model(("a", "b", "c"))] == [2, 0]


def test_given_names_of_a_table_are_those_of_the_model(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,bad\nb,GOOD\nc,1\n")
    data = table(path, ["text"], label_names=["bad", "good"])
    assert [label for _, label in data] == [0, 1, 1]
    assert data.for_model(("negative", "positive")).label_names == ["bad", "good"]
    with pytest.raises(InvalidInputError, match="calls its class 1 so"):
        data.for_model(("good", "bad"))


def test_numbers_take_the_names_of_the_model(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,1\n")
    placed = table(path, ["text"]).for_model(("no", "yes"))
    assert (placed.label_names, [label for _, label in placed]) == (["no", "yes"], [1])


def test_the_reviews_of_the_demo_are_placed_as_well() -> None:
    reviews = DemoReviews()
    swapped = reviews.for_model(("positive", "negative"))
    assert [1 - label for _, label in swapped] == [label for _, label in reviews]
    assert [*dataset_named("demo")] == [*dataset_named("attend-demo")] == [*reviews]


def test_a_file_alone_is_answered_with_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("label,premise,hypothesis\n")
    for name in (str(path), f"{path}^premise", f"{path}^sst"):
        with pytest.raises(InvalidInputError) as refused:
            parsed(name)
        assert "columns label, premise, hypothesis: write" in str(refused.value)
        assert str(refused.value).endswith(f"as {path}^premise,hypothesis,label")
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"text": "a", "stars": 1}\n')
    with pytest.raises(InvalidInputError, match=r"a\.jsonl\^text,stars$"):
        parsed(str(lines))
    other = tmp_path / "a.json"
    other.write_text("[]")
    with pytest.raises(
        InvalidInputError, match=r"FILE\^FORMAT with one of dream, dream-first, hellaswag"
    ):
        parsed(str(other))
    with pytest.raises(InvalidInputError, match=r"no\.json: expected a data file, got none"):
        parsed("no.json")


def test_a_plain_tsv_needs_no_layout(tmp_path: Path) -> None:
    path = tmp_path / "dev.tsv"
    path.write_text("a good film\t1\n")
    assert parsed(str(path)).layout == "sst2"
    data = dataset_named(str(path))
    assert (data.label_names, data[0][1]) == (None, 1)
    path.write_text("sentence\tlabel\na good film\t1\n")
    with pytest.raises(InvalidInputError, match=r"dev\.tsv\^sentence,label$"):
        parsed(str(path))
