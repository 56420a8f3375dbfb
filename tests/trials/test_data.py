"""Trials of data files, as other programs write them, and what is wrong with them.

What users of similar tools report, and what it led to here:

- orange3 #2404, csvw #69, csvkit #812: a cell over 131,072 characters ends in ``_csv.Error``.
- transformers #43459, tiktoken #82: half a surrogate pair is a TypeError that speaks of types.
- TextAttack #547: the 46th example of SNLI, whose label is -1, ends a run of 1000 in a KeyError.
- datasets #622: a text file read by a CSV reader dies of its quotation marks.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from textattack_attend.data import published
from textattack_attend.data.tables import read_table
from textattack_attend.errors import InvalidInputError

from .files import HALF, lines, paper, rows, written
from .trial import Trial, table


def pandas_file(suffix: str, texts: list[str], **options: Any) -> Callable[[Path], Any]:
    """Writes texts with pandas, with their positions as labels, and reads them again."""

    def run(folder: Path) -> Any:
        frame = pd.DataFrame({"text": texts, "label": range(len(texts))})
        path = folder / f"data{suffix}"
        frame.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",", **options)
        return [parts[0] for parts, _ in read_table(path, ["text"])]

    return run


def long_cell(folder: Path) -> Any:
    """Reads a cell of a million characters; what the process allows is as it was."""
    before = csv.field_size_limit()
    text = "good " * 200_000
    ((found,), _), *_ = rows("a.csv", f"text,label\n{text},1\n")(folder)
    return found == text and csv.field_size_limit() == before


ODD = [
    'say "hi"',
    "a\tb",
    "two\nlines",
    '"quoted"',
    "comma, comma",
    '"',
    "x\ty\nz",
    'end"',
    "plain",
]
LONG_LABEL = "9" * 5000
QUESTION = {"question": "Who?", "choice": ["a", "b"], "answer": "b"}
DIALOGUE = [["M: Hm.", "W: No."], [QUESTION], "1"]
ENDINGS = {"ctx": "A man", "endings": ["sits.", "runs."], "label": 1}
RECLOR = {"context": "All.", "question": "So?", "answers": ["a", "b"], "label": 0}


def dream_of(**changes: Any) -> list[Any]:
    """A file of DREAM with one question."""
    return [[["M: Hm."], [QUESTION | changes], "1"]]


# --- tables ---

TABLES = [
    Trial(
        "JSON lines with a list as text",
        rows("a.jsonl", lines({"text": ["a"], "label": 1})),
        line=r"line 1: column 'text': expected a text, got \['a'\]",
    ),
    Trial(
        "JSON lines with an object as text",
        rows("a.jsonl", lines({"text": {}, "label": 1})),
        line=r"line 1: column 'text': expected a text, got \{\}",
    ),
    Trial(
        "JSON lines with NaN as text",
        rows("a.jsonl", '{"text": NaN, "label": 1}\n'),
        line="line 1: column 'text': expected a text, got nan",
    ),
    Trial(
        "JSON lines with null as text",
        rows("a.jsonl", lines({"text": None, "label": 1})),
        line="line 1: column 'text': expected a text, got null",
    ),
    Trial(
        "JSON lines with a number as text",
        rows("a.jsonl", lines({"text": 5, "label": 1})),
        line="line 1: column 'text': expected a text, got 5",
    ),
    Trial(
        "JSON lines with null as label",
        rows("a.jsonl", lines({"text": "a", "label": None})),
        line="line 1: expected a class counted from 0 as label, got null",
    ),
    Trial(
        "JSON lines with true as label",
        rows("a.jsonl", lines({"text": "a", "label": True})),
        line="line 1: expected a class counted from 0 as label, got true",
    ),
    Trial(
        "JSON lines with 1.0 as label",
        rows("a.jsonl", lines({"text": "a", "label": 1.0})),
        answer=[(("a",), 1)],
    ),
    Trial(
        "CSV with 1.0 as label, as pandas writes it beside an empty cell",
        rows("a.csv", "text,label\na,1.0\n"),
        answer=[(("a",), 1)],
    ),
    Trial(
        "CSV with 1.5 as label",
        rows("a.csv", "text,label\na,1.5\n"),
        line="line 2: expected a class counted from 0 as label, got '1.5'",
    ),
    Trial(
        "CSV with NaN as label",
        rows("a.csv", "text,label\na,nan\n"),
        line="line 2: expected a class counted from 0 as label, got 'nan'",
    ),
    Trial(
        "a label of 5000 digits",
        rows("a.jsonl", f'{{"text": "a", "label": {LONG_LABEL}}}'),
        line="line 1: expected JSON that can be read",
    ),
    Trial("JSON that is too deep", rows("a.jsonl", "[" * 100_000), line="line 1: .*too deep"),
    Trial(
        "half a surrogate pair",
        rows("a.jsonl", lines({"text": HALF, "label": 1})),
        line=r"line 1: column 'text': expected a text of whole characters, got \\ud83d, half of",
        reported="transformers #43459",
    ),
    Trial(
        "a whole pair",
        rows("a.jsonl", lines({"text": "\U0001f600", "label": 1})),
        answer=[(("\U0001f600",), 1)],
    ),
    Trial(
        "a name of a class that nobody knows",
        rows("a.csv", "text,label\na,negative\n"),
        line="got 'negative'; write the number of the class in the model's order",
    ),
    Trial(
        "a name of a class",
        rows("a.csv", "text,label\na,bad\n", label_names=("good", "bad")),
        answer=[(("a",), 1)],
    ),
    Trial(
        "a column named twice in CSV",
        rows("a.csv", "text,text,label\na,b,1\n"),
        line="line 1: expected one column 'text', got 2 of that name",
    ),
    Trial(
        "two unnamed columns that nobody reads",
        rows("a.csv", ",,text,label\n0,0,a,1\n"),
        answer=[(("a",), 1)],
    ),
    Trial(
        "a field named twice in JSON",
        rows("a.jsonl", '{"text": "a", "text": "b", "label": 1}'),
        line="line 1: .*'text' is named twice",
    ),
    Trial(
        "one column asked for twice",
        rows("a.csv", "text,label\na,1\n", ("text", "text")),
        line="expected different columns for the texts and the label, got 'text' twice",
    ),
    Trial(
        "the label asked for as a text",
        rows("a.csv", "text,label\na,1\n", ("label",)),
        line="expected different columns for the texts and the label, got 'label' twice",
    ),
    Trial(
        "a column that is missing",
        rows("a.csv", "texts,label\na,1\n"),
        line="line 1: expected a column 'text', got the columns texts, label; did you mean 'text",
    ),
    Trial(
        "semicolons in a .csv",
        rows("a.csv", "text;label\na;1\n"),
        line="got the columns text;label; did you mean|a comma ends a cell of a .csv",
    ),
    Trial(
        "a missing field in JSON",
        rows("a.jsonl", lines({"text": "a"})),
        line="line 1: expected a column 'label', got the columns text",
    ),
    Trial(
        "a header with a line break",
        rows("a.csv", '"te\nxt",label\na,1\n'),
        line=r"line 2: expected a column 'text', got the columns 'te\\nxt', label",
    ),
    Trial("a cell of a million characters", long_cell, answer=True, reported="orange3 #2404"),
    Trial("capitals, .CSV", rows("A.CSV", "text,label\na,1\n"), answer=[(("a",), 1)]),
    Trial("capitals, .Tsv", rows("a.Tsv", "text\tlabel\na\t1\n"), answer=[(("a",), 1)]),
    Trial(
        "capitals, .JSONL", rows("a.JSONL", lines({"text": "a", "label": 1})), answer=[(("a",), 1)]
    ),
    Trial(
        "a byte order mark and Windows line ends",
        rows("a.csv", b"\xef\xbb\xbftext,label\r\na,1\r\n"),
        answer=[(("a",), 1)],
    ),
    Trial(
        "Windows line ends in a .tsv",
        rows("a.tsv", b"text\tlabel\r\na\t1\r\n"),
        answer=[(("a",), 1)],
    ),
    Trial(
        "Windows line ends, label first",
        rows("a.tsv", b"label\ttext\r\n1\ta\r\n"),
        answer=[(("a",), 1)],
    ),
    Trial(
        "Windows line ends in JSON lines",
        rows("a.jsonl", b'{"text": "a", "label": 1}\r\n\r\n{"text": "b", "label": 0}\r\n'),
        answer=[(("a",), 1), (("b",), 0)],
    ),
    Trial(
        "line ends of an old Macintosh",
        rows("a.csv", b"text,label\ra,1\rb,0\r"),
        answer=[(("a",), 1), (("b",), 0)],
    ),
    Trial(
        "a carriage return within a text",
        rows("a.tsv", "text\tlabel\na\rb\t1\n"),
        answer=[(("a\rb",), 1)],
    ),
    Trial(
        "blank lines",
        rows("a.csv", "\ntext,label\n\na,1\n   \n\nb,0\n\n"),
        answer=[(("a",), 1), (("b",), 0)],
    ),
    Trial("a header only", rows("a.csv", "text,label\n"), line="expected rows with text, got none"),
    Trial("an empty file", rows("a.tsv", ""), line="expected rows with text, got none"),
    Trial(
        "UTF-16 with a mark",
        rows("a.csv", "text,label\na,1\n".encode("utf-16")),
        line="expected text in UTF-8, got UTF-16; save it as UTF-8",
    ),
    Trial(
        "UTF-16 without a mark",
        rows("a.csv", "text,label\na,1\n".encode("utf-16-le")),
        line="line 1: expected text in UTF-8, got a NUL byte; save it as UTF-8",
    ),
    Trial(
        "a NUL byte",
        rows("a.csv", b"text,label\na,1\nb\0,0\n"),
        line="line 3: expected text in UTF-8, got a NUL byte",
    ),
    Trial(
        "Latin-1",
        rows("a.csv", "text,label\na,1\ncaf\xe9,0\n".encode("latin-1")),
        line="line 3: expected text in UTF-8, got the byte 0xe9; save it as UTF-8",
    ),
    Trial(
        "a folder",
        lambda folder: read_table(folder, ["a"]),
        line="expected a file that ends in .csv, .tsv, .jsonl",
    ),
]

# --- quotation marks of a .tsv ---

QUOTES = [
    Trial("pandas, .tsv", pandas_file(".tsv", ODD), answer=ODD),
    Trial("pandas, .csv", pandas_file(".csv", ODD), answer=ODD),
    Trial(
        "pandas, .tsv, all cells quoted",
        pandas_file(".tsv", ODD, quoting=csv.QUOTE_ALL),
        answer=ODD,
    ),
    Trial(
        "pandas, .tsv, texts quoted",
        pandas_file(".tsv", ODD, quoting=csv.QUOTE_NONNUMERIC),
        answer=ODD,
    ),
    Trial(
        "pandas, .tsv, Windows line ends",
        pandas_file(".tsv", ODD, lineterminator="\r\n"),
        answer=ODD,
    ),
    Trial(
        "a spreadsheet quotes for a comma",
        rows("a.tsv", 'text\tlabel\n"good, bad"\t1\n'),
        answer=[(("good, bad",), 1)],
    ),
    Trial(
        "a plain .tsv with quotation marks as text",
        rows("a.tsv", 'text\tlabel\n"good" film\t1\na "bad\t0\n"all of it"\t1\n'),
        answer=[(('"good" film',), 1), (('a "bad',), 0), (('"all of it"',), 1)],
        reported="datasets #622",
    ),
    Trial(
        "a quotation that goes on in the next example",
        rows("a.tsv", 'label\ttext\n1\t"a good one\n0\tsaid "he"\n1\tand left"\n'),
        answer=[(('"a good one',), 1), (('said "he"',), 0), (('and left"',), 1)],
    ),
    Trial(
        "a quotation over two columns",
        rows("a.tsv", 'a\tb\tlabel\n"x\ty"\t1\n', ("a", "b")),
        answer=[(('"x', 'y"'), 1)],
    ),
    Trial(
        "one doubled cell in a plain file",
        rows("a.tsv", 'text\tlabel\n"say ""hi"""\t1\na "bad\t0\n'),
        answer=[(('say "hi"',), 1), (('a "bad',), 0)],
    ),
    Trial(
        "SST-2 has quotation marks as text",
        paper(published.sst2, '"good" film\t1\n"good"\t0\n'),
        answer=[(('"good" film',), 1), (('"good"',), 0)],
    ),
]

# --- the paper's data sets ---

PAPER = [
    Trial(
        "SST-2 with Windows line ends",
        paper(published.sst2, "a film\t1\r\nb film\t0\r\n\r\n"),
        answer=[(("a film",), 1), (("b film",), 0)],
    ),
    Trial("SST-2 with 1.0", paper(published.sst2, "a film\t1.0\n"), answer=[(("a film",), 1)]),
    Trial(
        "SST-2 with a label that is no digit but looks so",
        paper(published.sst2, "a film\t\u00b2\n"),
        line="line 1: expected a class counted from 0 as label",
    ),
    Trial(
        "SST-2 with -1",
        paper(published.sst2, "a film\t-1\n"),
        line="line 1: expected a class counted from 0 as label, got '-1'",
        reported="TextAttack #547",
    ),
    Trial(
        "SST-2 of GLUE, with names",
        paper(published.sst2, "sentence\tlabel\na film\t1\n"),
        line=r"line 1: .*read it as a table, as PATH\^sentence,label",
    ),
    Trial(
        "SST-2 without a label",
        paper(published.sst2, "a film\n"),
        line="line 1: expected sentence<TAB>label, got 'a film'",
    ),
    Trial(
        "DREAM with a null choice",
        paper(published.dream, dream_of(choice=["a", None])),
        line="entry 1: ",
    ),
    Trial(
        "DREAM with a text for its choices",
        paper(published.dream, dream_of(choice="ab")),
        line="entry 1: expected a list of texts, got 'ab'",
    ),
    Trial(
        "DREAM with the answer twice",
        paper(published.dream, dream_of(choice=["b", "b"])),
        line="entry 1: .*2 choices are the answer",
    ),
    Trial(
        "DREAM with another answer",
        paper(published.dream, dream_of(answer="c")),
        line="entry 1: .*0 choices are the answer",
    ),
    Trial(
        "DREAM with a null question",
        paper(published.dream, dream_of(question=None)),
        line="entry 1: expected a text, got null",
    ),
    Trial(
        "DREAM with a text for its turns",
        paper(published.dream, [["M: Hm.", [QUESTION], "1"]]),
        line="entry 1: expected a list of texts, got 'M: Hm.'",
    ),
    Trial(
        "DREAM with a number as a turn",
        paper(published.dream, [[["M:", 1], [QUESTION], "1"]]),
        line="entry 1: expected a text, got 1",
    ),
    Trial("DREAM nested too little", paper(published.dream, DIALOGUE), line="entry 1: expected "),
    Trial("DREAM nested too much", paper(published.dream, [[DIALOGUE]]), line="entry 1: expected "),
    Trial(
        "DREAM cut off",
        paper(published.dream, json.dumps([DIALOGUE])[:-9]),
        line="line 1: expected JSON",
    ),
    Trial(
        "DREAM without questions",
        paper(published.dream, [[["M: Hm."], [], "1"]]),
        line="got an empty file",
    ),
    Trial(
        "DREAM with half a surrogate pair",
        paper(published.dream, dream_of(question=HALF)),
        line=r"entry 1: expected a text of whole characters, got \\ud83d",
    ),
    Trial(
        "HellaSwag with its label as a text",
        paper(published.hellaswag, [ENDINGS | {"label": "1"}]),
        answer=[(("A man", "", "sits.", "runs."), 1)],
    ),
    Trial(
        "HellaSwag with 1.0",
        paper(published.hellaswag, [ENDINGS | {"label": 1.0}]),
        answer=[(("A man", "", "sits.", "runs."), 1)],
    ),
    Trial(
        "HellaSwag with 0.6, which int() takes for 0",
        paper(published.hellaswag, [ENDINGS | {"label": 0.6}]),
        line="line 1: .*got 0.6",
    ),
    Trial(
        "HellaSwag with true",
        paper(published.hellaswag, [ENDINGS | {"label": True}]),
        line="line 1: .*got true",
    ),
    Trial(
        "HellaSwag without labels, as its test set",
        paper(published.hellaswag, [ENDINGS | {"label": ""}]),
        line="line 1: .*got ''",
    ),
    Trial(
        "HellaSwag with equal endings",
        paper(published.hellaswag, [ENDINGS | {"endings": ["a", "a"]}]),
        answer=[(("A man", "", "a", "a"), 1)],
    ),
    Trial(
        "HellaSwag with null",
        paper(published.hellaswag, [ENDINGS | {"ctx": None}]),
        line="line 1: expected a text, got null",
    ),
    Trial(
        "ReClor with an answer too few",
        paper(published.reclor, [RECLOR | {"label": 2}]),
        line="entry 1: .*label 2 of 2 choices",
    ),
    Trial(
        "ReClor with a text for its answers",
        paper(published.reclor, [RECLOR | {"answers": "ab"}]),
        line="entry 1: expected a list of texts, got 'ab'",
    ),
    Trial(
        "ReClor with a list of lists",
        paper(published.reclor, [[RECLOR]]),
        line="entry 1: expected an object with context",
    ),
]


TRIALS = [*TABLES, *QUOTES, *PAPER]


@pytest.mark.trial
@table(TRIALS)
def test_trial(trial: Trial, tmp_path: Path) -> None:
    trial.check(tmp_path)


# --- laws: rows, or one line ---

READERS: dict[str, Callable[[Path], Any]] = {
    "csv": lambda path: read_table(path, ["text"]),
    "tsv": lambda path: read_table(path, ["text"]),
    "jsonl": lambda path: read_table(path, ["text"]),
    "sst2.tsv": published.sst2,
    "dream.json": published.dream,
    "hellaswag.jsonl": published.hellaswag,
    "reclor.json": published.reclor,
}
LAW = settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # a file is written anew each time
)
NAMES_OF_FIELDS = st.sampled_from(
    ["text", "label", "ctx", "endings", "context", "question", "answers", "choice", "answer"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 4) | st.floats() | st.text() | st.just(HALF),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES_OF_FIELDS, inner, max_size=9),
    max_leaves=20,
)
ALMOST = st.fixed_dictionaries(  # so that some of it is right
    {
        **dict.fromkeys(("text", "ctx", "context", "question", "answer"), st.just("a") | JSON),
        **dict.fromkeys(("endings", "answers", "choice"), st.just(["a", "b"]) | JSON),
        "label": st.integers(-1, 2) | JSON,
    }
)
ENTRIES = JSON | ALMOST | st.tuples(st.just(["M: Hm."]) | JSON, st.lists(ALMOST) | JSON, JSON)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from('"\t\n\r,'))


def rows_or_a_line(read: Callable[[Path], list[published.Example]], path: Path) -> None:
    """Asserts that a reader returns texts and classes, or refuses the file in one line."""
    try:
        found = read(path)
    except InvalidInputError as error:
        said = str(error)
        found = []
    else:
        said = ""
        assert found
    assert "\n" not in said
    said.encode()
    for texts, label in found:
        assert type(label) is int
        assert label >= 0
        for text in texts:
            text.encode()


@pytest.mark.parametrize("name", READERS)
@LAW
@given(
    head=st.sampled_from([b"", b"text,label\n", b"text\tlabel\n", b"[", b'{"text": ']),
    rest=st.binary(),
)
def test_any_bytes_are_rows_or_a_line(tmp_path: Path, name: str, head: bytes, rest: bytes) -> None:
    rows_or_a_line(READERS[name], written(tmp_path / name, head + rest))


@pytest.mark.parametrize("name", ["jsonl", "dream.json", "hellaswag.jsonl", "reclor.json"])
@LAW
@given(entries=st.lists(ENTRIES, max_size=4))
def test_any_json_is_rows_or_a_line(tmp_path: Path, name: str, entries: list[Any]) -> None:
    content = lines(*entries) if name.endswith("jsonl") else json.dumps(entries)
    rows_or_a_line(READERS[name], written(tmp_path / name, content))


@pytest.mark.parametrize(
    ("suffix", "end"),
    # With "\n" alone pandas leaves a carriage return bare, which ends a line of a .csv.
    [(".csv", "\r\n"), (".tsv", "\r\n"), (".tsv", "\n")],
)
@LAW
@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
@example(texts=['"a', 'b"'])
@example(texts=["x\t1\nz"])
def test_what_pandas_writes_is_read_as_it_was(
    tmp_path: Path, suffix: str, end: str, texts: list[str]
) -> None:
    assert pandas_file(suffix, texts, lineterminator=end)(tmp_path) == texts
