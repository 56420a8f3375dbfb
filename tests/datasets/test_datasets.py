"""Datasets by name and by file: the paper's from files or the hub's layout, and any table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from textattack_attend.data import published
from textattack_attend.data.tables import read_table
from textattack_attend.datasets import from_name, sst2, table
from textattack_attend.errors import InvalidInputError

CSV = 'premise,hypothesis,label\n"A man, ""old"", sits.",He sits.,0\n"Two\nlines.",None.,2\n'
ROWS = [(('A man, "old", sits.', "He sits."), 0), (("Two\nlines.", "None."), 2)]


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_is_read_with_its_quotes(tmp_path: Path) -> None:
    path = written(tmp_path / "nli.csv", CSV)
    assert read_table(path, ["premise", "hypothesis"]) == ROWS
    assert read_table(path, ["hypothesis"]) == [(("He sits.",), 0), (("None.",), 2)]


def test_a_tsv_takes_quotation_marks_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", 'class\ttext\n1\t"good" film\n\n0\ta "bad one\n')
    assert read_table(path, ["text"], "class") == [(('"good" film',), 1), (('a "bad one',), 0)]


def test_json_lines_are_read_by_name(tmp_path: Path) -> None:
    lines = [json.dumps({"label": n, "text": t}) for t, n in (("good", 1), ("bad", 0))]
    path = written(tmp_path / "a.jsonl", "\n".join(lines) + "\n")
    assert read_table(path, ["text"]) == [(("good",), 1), (("bad",), 0)]


def test_names_of_classes_are_taken_in_the_order_given(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "text,label\ngood,positive\nbad,negative\n")
    dataset = table(path, ["text"], label_names=["negative", "positive"])
    assert [dataset[at] for at in range(2)] == [({"text": "good"}, 1), ({"text": "bad"}, 0)]
    assert dataset.label_names == ["negative", "positive"]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.csv", "text,label\ngood,1\nbad\n", r"line 3: expected 2 cells \(text, label\), got 1"),
        ("a.csv", 'text,label\n"good,1\n', "expected a complete row, got unexpected end of data"),
        ("a.csv", "text,class\ngood,1\n", "line 1: expected a column 'label', got .* text, class"),
        ("a.csv", "text,label\ngood,positive\n", "line 2: expected a class .*, got 'positive'"),
        ("a.csv", "text,label\ngood,-1\n", "line 2: expected a class counted from 0 as label"),
        ("a.csv", "text,label\ngood,1.5\n", "line 2: expected a class counted from 0 as label"),
        ("a.jsonl", '{"text": "good", "label": 1.7}', "line 1: expected a class counted from 0"),
        ("a.jsonl", '{"text": "good", "label": [1]}', "line 1: expected a class counted from 0"),
        ("a.csv", "text,label\n", "expected rows with text, got none"),
        ("a.csv", "", "expected rows with text, got none"),
        ("a.jsonl", '{"text": "good", "label": 1}\n{"text": "b', "line 2: expected JSON, got an"),
        ("a.jsonl", '["good", 1]\n', r"line 1: expected an object, got \['good', 1\]"),
        (
            "a.jsonl",
            '{"text": null, "label": 1}\n',
            "line 1: column 'text': expected a text, got null",
        ),
        ("a.txt", "good", r"expected a file that ends in .csv, .tsv, .jsonl"),
    ],
)
def test_wrong_tables_are_refused_with_a_line(
    tmp_path: Path, name: str, text: str, line: str
) -> None:
    with pytest.raises(InvalidInputError, match=line):
        read_table(written(tmp_path / name, text), ["text"])


def test_only_a_newline_ends_a_line(tmp_path: Path) -> None:
    """Unicode has other characters that end one, and texts have them."""
    text = "good\u2028and\x85long"
    lines = json.dumps({"text": text, "label": 1}, ensure_ascii=False)
    assert read_table(written(tmp_path / "a.jsonl", lines), ["text"]) == [((text,), 1)]
    assert published.sst2(written(tmp_path / "dev.tsv", f"{text}\t1\n")) == [((text,), 1)]


def test_a_spreadsheets_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "\ufefftext,label\ngood,1\n")
    assert read_table(path, ["text"]) == [(("good",), 1)]


def test_datasets_by_name(tmp_path: Path) -> None:
    pairs = from_name(str(written(tmp_path / "nli.csv", CSV)), "premise,hypothesis,label")
    assert dict(pairs[0][0]) == {"premise": 'A man, "old", sits.', "hypothesis": "He sits."}
    sentences = from_name(str(written(tmp_path / "dev.tsv", "a good film\t1\n")), "sst2")
    assert sentences[0] == sst2(tmp_path / "dev.tsv")[0] == ({"text": "a good film"}, 1)
    with pytest.raises(InvalidInputError, match=r"expected one of dream, .* behind the file"):
        from_name("dev.json", "")


# --- the hub: a folder of the same layout is loaded by the same call ---

HUB: dict[str, tuple[Callable[..., Any], dict[str, Any], published.Example]] = {
    "sst2": (
        published.sst2,
        {"idx": 0, "sentence": "a good film", "label": 1},
        (("a good film",), 1),
    ),
    "dream": (
        published.dream,
        {"dialogue": ["M: Hm.", "W: No."], "question": "?", "choice": ["a", "b"], "answer": "b"},
        (("M: Hm. W: No.", "?", "a", "b"), 1),
    ),
    "hellaswag": (
        published.hellaswag,
        {"ctx": "A man", "endings": ["sits.", "runs."], "label": "1"},
        (("A man", "", "sits.", "runs."), 1),
    ),
    "reclor": (
        published.reclor,
        {"context": "All.", "question": "So?", "answers": ["a", "b"], "label": 0},
        (("All.", "So?", "a", "b"), 0),
    ),
}


@pytest.mark.parametrize("name", HUB)
def test_the_hubs_columns_give_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    read, entry, row = HUB[name]
    folder = tmp_path / name
    folder.mkdir()
    written(folder / "validation.jsonl", json.dumps(entry) + "\n")
    assert read(folder) == [row]
    with pytest.raises(InvalidInputError, match="with the split 'test'; it could not be loaded"):
        read(folder, split="test")


def test_a_name_that_the_hub_does_not_know_or_no_network() -> None:
    with pytest.raises(InvalidInputError, match="nobody/nothing: expected a file as published, or"):
        published.dream("nobody/nothing")
    with pytest.raises(InvalidInputError, match=r"nobody/nothing@v1.0: .* or the name"):
        published.dream("nobody/nothing@v1.0")


def test_the_first_question_of_each_dialogue_can_be_taken_alone(tmp_path: Path) -> None:
    """Two dialogues of two questions and one; ``start`` and ``count`` count what is taken."""
    asked = [{"question": q, "choice": ["a", "b"], "answer": "b"} for q in ("1?", "2?", "3?")]
    dialogues = [[["Hi.", "Ho."], asked[:2], "1"], [["Yes."], asked[2:], "2"]]
    path = written(tmp_path / "dev.json", json.dumps(dialogues))
    every = published.PUBLISHED["dream"](path)
    assert published.PUBLISHED["dream-first"](path) == [every[0], every[2]]
    assert published.PUBLISHED["dream-first"](path, start=1, count=1) == [every[2]]
    dataset = from_name(str(path), "dream-first")
    assert [dataset[at][0]["question"] for at in range(len(dataset))] == ["1?", "3?"]
