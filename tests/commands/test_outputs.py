"""Outputs: nothing of a stranger's text acts on a terminal, a spreadsheet or a table."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from textattack import AttackArgs, Attacker
from textattack.datasets import Dataset

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.benchmark import Results, Store
from textattack_attend.benchmark.export import KINDS, exported
from textattack_attend.benchmark.records import Entry
from textattack_attend.benchmark.row import Row
from textattack_attend.benchmark.running.shown import ShownRun
from textattack_attend.benchmark.spreadsheets import exact, harmless
from textattack_attend.benchmark.tables import inline
from textattack_attend.commands.common import watched
from textattack_attend.commands.main import main
from textattack_attend.commands.results import FORMATS
from textattack_attend.commands.terminal import show_logs
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.errors import InvalidInputError, first_of, reason_of
from textattack_attend.errors.printable import in_one_line, printable, shortened
from textattack_attend.host.lines import with_one_line
from textattack_attend.models.wrappers import wrapper_for

from ..helpers.stored_results import results_of

ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]",
)
"""Characters that terminals obey, but line breaks and tabs; a second list, to check `printable`."""
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m \u202egnp.exe\u2066\u200e\u200f\u061c\rover \x7f\x00"
"""It sets the title of the window, clears the screen, turns letters around, and overwrites."""
MARKED = "a|b\\|c` <script>alert(1)</script>\r\n\n*d* [e](f) &lt; _g_ ~~h~~ $i$"
LABEL = f"\u202e{MARKED.replace(chr(13), '').replace(chr(10), '')}"
FORMULAS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\xa0=1+1",
    "\uff1d1+1",
    '=HYPERLINK("http://example.org/?"&A1,"read")',
    "=cmd|' /C calc'!A0",
    "- a dash, and a text",
    "'=1+1",
    "''=1+1",
)
HARMLESS = ("a=1", "film", "'quoted'", "", "-0.5", "+12%", "a;=1+1", 'say "=1"', "a\n=1")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with hostile texts, errors and labels, as a stranger could send it."""
    texts = (*FORMULAS, *HARMLESS, HOSTILE, MARKED)
    rows = [
        Row(n, "failed", 0, 0.5, text, perturbed=text, queries=3) for n, text in enumerate(texts)
    ]
    rows.append(Row(len(rows), "error", 0, 1.0, "a film", error=f"OSError: {HOSTILE}"))
    store = Store(tmp_path / "store.sqlite")
    results_of(store, {(LABEL, "=A", "v"): rows}, attacks={"=A": {"recipe": "hackattend"}})
    return store


def run(*arguments: object) -> Result:
    """Runs a command as on a terminal: click leaves sequences of colours in what it prints."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], color=True)


def cells_of(line: str) -> list[str]:
    """Splits a row of a Markdown table as the specification of GitHub's Markdown says."""
    return re.findall(r"((?:\\[!-/:-@\[-`{-~]|[^|\\]|\\(?![!-/:-@\[-`{-~]))*)\|", line[1:])


def shown_by_markdown(cell: str) -> str:
    """Takes the backslashes of escapes away."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", cell)


# --- the terminal ---


@given(st.text())
def test_no_character_of_a_printable_text_acts(text: str) -> None:
    assert not ACTING.search(printable(text))
    assert not re.search(r"\s\s|[\r\n\t]", in_one_line(text).replace("\xa0", "x"))
    assert printable(printable(text)) == printable(text)


def test_characters_that_act_are_shown_as_escapes() -> None:
    assert printable("a\x1b[2J\x9b\u202e\x00") == r"a\x1b[2J\x9b\u202e\x00"
    assert printable("two\r\nlines\tand a tab") == "two\nlines\tand a tab"
    assert printable("over\rwritten") == r"over\rwritten"
    assert printable("half \ud83d") == r"half \ud83d"
    assert printable("مرحبا 中文 👩‍💻 é") == "مرحبا 中文 👩‍💻 é"


def test_what_is_left_out_of_a_message_is_marked() -> None:
    assert shortened("a\n b\x1b", 7) == r"a b\x1b"
    assert shortened("one two three", 8) == "one two..."
    assert shortened("abcdef", 6) == "abcdef"
    assert reason_of(OSError("x" * 161)) == f"{'x' * 160}..."
    assert first_of(["a", "b"], 2) == "a, b"
    assert first_of(["a", "b", "c", "d"], 2) == "a, b and 2 more"


@pytest.mark.parametrize("arguments", [(), ("--table", "ASR"), ("--table", "rows")], ids=str)
def test_tables_on_the_terminal_show_texts_letter_by_letter(
    store: Store, arguments: tuple[str, ...]
) -> None:
    shown = run("results", "--store", store.path, *arguments)
    assert shown.exit_code == 0, shown.output
    assert not ACTING.search(shown.output)
    lines = shown.stdout.splitlines()
    assert all(line.startswith("|") for line in lines), "a line break went through"
    columns = len(cells_of(lines[1]))
    assert {len(cells_of(line)) for line in lines} == {columns}
    assert not re.search(r"(?<!\\)<script", shown.output)
    assert shown_by_markdown(cells_of(lines[2])[0]).strip() == in_one_line(LABEL)


def test_a_comparison_of_runs_shows_texts_letter_by_letter(store: Store) -> None:
    shown = run("compare", store.path, store.path)
    assert shown.exit_code == 0, shown.output
    assert not ACTING.search(shown.output)
    assert len({len(cells_of(line)) for line in shown.stdout.splitlines()}) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("results", "--store", f"{HOSTILE}.sqlite".replace("\x00", "")),
        ("results", "--store", "a\nb.sqlite"),
        ("report", f"--{HOSTILE}"),
        (HOSTILE,),
        ("ls", HOSTILE),
        ("check", "--model", "m", "--data", HOSTILE.replace("\x00", "")),
        ("validate", HOSTILE.replace("\x00", "")),
        ("attention", "--model", "m", "--data", "d", "--opinion-words", "\x1b[2J"),
    ],
    ids=lambda arguments: arguments[0].strip(HOSTILE) or "a command",
)
def test_an_error_is_one_line_that_does_not_act(arguments: tuple[str, ...]) -> None:
    refused = run(*arguments)
    assert refused.exit_code in (1, 2)
    assert isinstance(refused.exception, SystemExit)
    assert not ACTING.search(refused.output)
    assert refused.output.splitlines()[-1].startswith("Error: ")


def test_an_error_of_textattacks_command_is_one_line_that_does_not_act() -> None:
    def fails(self: Any, args: Any) -> None:
        raise InvalidInputError(f"{HOSTILE}:\nexpected a model, got none")

    with pytest.raises(SystemExit) as ended:
        with_one_line(fails)(None, type("Arguments", (), {})())
    line = str(ended.value)
    assert line.startswith(r"textattack: error: \x1b]0;owned")
    assert line.endswith("expected a model, got none")
    assert not ACTING.search(line)
    assert "\n" not in line


class Terminal(io.StringIO):
    """A terminal that keeps everything that is written on it."""

    def isatty(self) -> bool:
        return True


def _show_cell(entry: Entry) -> None:
    """Shows the whole of a cell of three examples, as a run of the benchmark does."""
    store: Any = SimpleNamespace(
        missing=lambda cell, size: list(range(size)),
        rows=lambda cells, size: pd.DataFrame({"outcome": []}),
    )
    shown = ShownRun(store, [entry], 3)
    with shown.cell(entry, 3) as count:
        count(Row(0, "succeeded", 0, 0.5, HOSTILE))
    shown.close()


@pytest.mark.parametrize(
    "bar",
    [
        lambda: _show_cell(Entry(LABEL, f"A\x1b[2J{HOSTILE}", "v\x9b", 0, "c", None)),
        lambda: list(watched(iter("abc"), 3, HOSTILE)),
    ],
    ids=["benchmark", "measurement"],
)
def test_the_name_of_a_bar_does_not_act(
    bar: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    bar()
    assert r"\x1b]0;owned" in terminal.getvalue()
    own = re.sub("\r|\x1b\\[A", "", terminal.getvalue())  # bars go back and up
    assert not ACTING.search(own)


def test_what_is_logged_does_not_act() -> None:
    handler = logging.lastResort
    assert handler is not None
    before = handler.formatter
    try:
        show_logs()
        record = logging.LogRecord("a", logging.WARNING, "", 1, "%s is new\n", (HOSTILE,), None)
        line = handler.format(record)
    finally:
        handler.setFormatter(before)
    assert line.startswith(r"\x1b]0;owned")
    assert line.endswith(" is new")
    assert not ACTING.search(line)


def test_textattack_prints_our_results_without_what_acts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The colours, which are TextAttack's own, stay."""
    text = f"good {HOSTILE} film"
    attack = HackAttendLiong2024.build(wrapper_for(str(VICTIM_PATH)))
    data = Dataset([(text, 1), (text, 0)], label_names=[f"n{HOSTILE}", f"p{HOSTILE}"])
    log = tmp_path / "log.txt"
    attacker = Attacker(attack, data, AttackArgs(num_examples=2, log_to_txt=str(log)))
    colored = [result.__str__(color_method="ansi") for result in attacker.attack_dataset()]
    assert all(re.match(r"\x1b\[\d+m[NP]\\x1b\]0;owned", line) for line in colored), "no colours"
    plain = [re.sub(r"\x1b\[[0-9;:]*m", "", line) for line in colored]
    for shown in (capsys.readouterr().out, log.read_bytes().decode(), *plain):
        assert r"good \x1b]0;owned\x07\x1b[2J\x9b31m \u202egnp.exe" in shown
        assert not ACTING.search(shown)


def test_a_terminal_shows_escapes_where_a_pipe_has_the_text(store: Store, tmp_path: Path) -> None:
    code = "from textattack_attend.commands.main import main; main()"
    options = ["results", "--store", str(store.path), "--table", "rows", "--format", "raw-csv"]
    command = [sys.executable, "-c", code, *options]
    piped = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    assert HOSTILE in [cell for line in csv.reader(io.StringIO(piped, newline="")) for cell in line]
    screen, terminal = pty.openpty()
    with subprocess.Popen(command, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        shown = b"".join(iter(lambda: _read(screen), b"")).decode()
    os.close(screen)
    assert process.returncode == 0
    assert r"\x1b]0;owned\x07\x1b[2J" in shown
    assert not ACTING.search(shown.replace("\r\n", "\n"))


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65536)
    except OSError:  # Linux says so when the other end is closed
        return b""


# --- tables in Markdown ---


@given(st.text(max_size=30) | st.text("|\\`*_<>[]()&$~ a\n", max_size=12))
def test_any_text_is_one_cell_of_markdown_and_no_markup(text: str) -> None:
    (cell,) = cells_of(f"|{inline(text)} |")
    assert shown_by_markdown(cell).strip() == in_one_line(text).strip()
    assert not re.search(r"[`*|<$~]", re.sub(r"\\[!-/:-@\[-`{-~]", "", cell))


def test_ordinary_labels_have_no_backslashes() -> None:
    for label in ("S-Attend, units, 0.2", "a_b", "HackAttend+ (1%)", "[CLS] spared", "R&D: a > b"):
        assert inline(label) == label


def test_latex_executes_no_text_and_keeps_its_rows() -> None:
    frame = pd.DataFrame([[r"\input{/etc/passwd} & \\ %"]], columns=["a\n\n\\write18{ls} # $x_1"])
    table = exported(frame, "latex").decode()
    commands = re.findall(r"\\[a-zA-Z]+", table.split("toprule")[1].split("bottomrule")[0])
    assert set(commands) == {"\\textbackslash", "\\space", "\\midrule"}
    assert len(table.splitlines()) == 7


# --- spreadsheets ---


def written(frame: pd.DataFrame, kind: str) -> list[list[str]]:
    """Writes a table in a format, and reads it as a spreadsheet does."""
    return list(csv.reader(io.StringIO(exported(frame, kind).decode(), newline="")))


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_begins_as_a_formula_is_no_formula(text: str) -> None:
    frame = pd.DataFrame({text: [text], "number": [-0.5]})
    assert written(frame, "csv") == [[f"'{text}", "number"], [f"'{text}", "-0.5"]]
    assert written(frame, "raw-csv") == [[text, "number"], [text, "-0.5"]]
    assert exact(f"'{text}") == text


@pytest.mark.parametrize("text", HARMLESS)
def test_other_texts_stay_as_they_are(text: str) -> None:
    frame = pd.DataFrame({"text": [text], "number": [-2]})
    assert written(frame, "csv") == written(frame, "raw-csv") == [["text", "number"], [text, "-2"]]
    assert exact(text) == text


@given(st.text(max_size=20) | st.text("'=+-@ \t\r1a", max_size=6))
def test_what_was_put_before_any_text_can_be_taken_away(text: str) -> None:
    cell = harmless(pd.DataFrame({"text": [text]})).iloc[0, 0]
    assert exact(cell) == text
    assert not cell.lstrip().startswith(("=", "@"))


def test_numbers_are_numbers_and_a_semicolon_ends_no_cell() -> None:
    frame = pd.DataFrame({"text": ["a;=1+1", None], "number": [-0.5, None]})
    lines = exported(frame, "csv").decode().splitlines()
    assert lines == ['"text","number"', '"a;=1+1",-0.5', '"",""']
    read = pd.read_csv(io.StringIO("\n".join(lines)))
    assert read["number"].dtype == float
    assert read.isna().iloc[1].all()


@pytest.mark.parametrize("kind", ["csv", "raw-csv", "json", "parquet"])
def test_files_of_the_command_give_every_text_back(kind: str, store: Store, tmp_path: Path) -> None:
    file = tmp_path / "rows"
    arguments = ("results", "--store", store.path, "--table", "rows", "--format", kind)
    done = run(*arguments, "--output", file)
    assert done.exit_code == 0, done.output
    texts = list(Results.of(store).rows["text"])
    assert HOSTILE in texts
    if kind == "parquet":
        read = list(pd.read_parquet(file)["text"])
    elif kind == "json":
        read = [row["text"] for row in json.loads(file.read_text(encoding="utf-8"))["data"]]
        assert not ACTING.search(file.read_text(encoding="utf-8"))
    else:
        with file.open(newline="", encoding="utf-8") as lines:
            read = [row["text"] for row in csv.DictReader(lines)]
    assert (list(map(exact, read)) if kind == "csv" else read) == texts


def test_the_command_knows_every_format() -> None:
    assert tuple(KINDS) == FORMATS


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=3, unique=True))
def test_any_headings_and_texts_are_a_table_in_every_format(texts: list[str]) -> None:
    frame = pd.DataFrame([texts], columns=texts)
    for kind in ("csv", "raw-csv"):
        heading, row = written(frame, kind)
        assert heading == row
        assert (list(map(exact, row)) if kind == "csv" else row) == texts
    lines = exported(frame, "markdown").decode().split("\n")
    assert {len(cells_of(line)) for line in lines} == {len(texts)}
