"""`textattack-attend attack`: TextAttack's command, without torch's entry point."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from textattack_attend.demo import VICTIM_PATH
from textattack_attend.host import nltk_fallback
from textattack_attend.versions import fits

from ..helpers.jobs import ATTACK
from ..helpers.processes import Ended, Running, attend, once_there, textattack

RECIPES = Path(__file__).parents[2] / "recipes"
DEMO = ("--model", "attend-demo", "--num-examples", "3")
AUTOLOAD = "TORCH_DEVICE_BACKEND_AUTOLOAD"


def run(
    program: str,
    *arguments: str,
    autoload: bool = True,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name(program)), *arguments],
        env={**os.environ, AUTOLOAD: str(int(autoload)), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def without_times(output: str) -> list[str]:
    """The lines of a run; TextAttack prints the object of a loaded tokenizer with its address."""
    return [re.sub(r"0x[0-9a-f]+", "0x", line) for line in output.splitlines()]


def test_it_attacks_as_textattack_does_without_an_entry_point(tmp_path: Path) -> None:
    logs = [tmp_path / "theirs.csv", tmp_path / "ours.csv"]
    given = ("attack", "--recipe", "hackattend", *DEMO, "--log-to-csv")
    theirs = run("textattack", *given, str(logs[0]))
    ours = run("textattack-attend", *given, str(logs[1]), autoload=False)
    assert (ours.returncode, theirs.returncode) == (0, 0), ours.stderr + theirs.stderr
    assert "Avg gradient passes" in ours.stdout
    expected = [line.replace("theirs.csv", "ours.csv") for line in without_times(theirs.stdout)]
    assert without_times(ours.stdout) == expected
    assert logs[1].read_text() == logs[0].read_text()


def both(*arguments: str, folder: Path) -> list[Ended]:
    """The ends of our command and of TextAttack's, in a process that has imported all."""
    return [
        Running(program, "attack", *arguments, folder=folder).ended()
        for program in (attend, textattack)
    ]


def test_it_has_every_option_of_textattack(tmp_path: Path) -> None:
    ours = Running(attend, "attack", "--help-textattack", folder=tmp_path).ended()
    theirs = Running(textattack, "attack", "--help", folder=tmp_path).ended()
    assert ours.code == theirs.code == 0
    assert ours.output.startswith("usage: textattack-attend attack ")
    options = re.compile(r"^options:$.*", re.MULTILINE | re.DOTALL)
    (expected,) = options.findall(theirs.output)
    assert options.findall(ours.output) == [expected]
    assert "--log-to-csv" in expected
    assert "hackattend-plus" in ours.output


def test_options_of_a_recipe_reach_it_and_are_kept_for_resuming(tmp_path: Path) -> None:
    options = ("--mask-fraction", "0.05", "--max-layers", "1", "--no-accumulate")
    saved = ("--checkpoint-interval", "1", "--checkpoint-dir", "saved")
    given = ("attack", "--recipe", "hackattend-random", *options, *DEMO, *saved)
    done = Running(attend, *given, folder=tmp_path).ended()
    assert done.code == 0, done.error
    for setting in ("(max_layers):  1", "(max_heads):  12", "(accumulate):  False"):
        assert setting in done.output
    assert "mask_fraction=0.05" in done.output
    resumed = Running(
        textattack, "attack-resume", "--checkpoint-file", "saved/latest", folder=tmp_path
    ).ended()
    assert resumed.code == 0, resumed.error
    assert "(accumulate):  False" in resumed.output


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--recipe", "hackattend-plus", "--max-layers", "1"),
            "hackattend-plus: expected options that it has (mask_fraction, rounds, decay, ",
        ),
        (
            ("--recipe", "hackattend-random", "--ranking", "attention"),
            "hackattend-random: expected options that it has (mask_fraction, ",
        ),
        (("--recipe", "textfooler", "--rounds", "3"), "textfooler: expected options that it has"),
        (("--recipe", "hackattend", "--mask-fraction", "nan"), "mask_fraction: expected a share"),
        (("--recipe", "hackattend", "--mask-fraction", "2"), "mask_fraction: expected a share"),
        (("--mask-fraction", "0.1"), "--mask-fraction: expected --recipe with the name of the"),
        (("--recipe", "a.py^b", "--rounds", "3"), "--rounds: expected --recipe with the name of"),
    ],
)
def test_wrong_options_of_a_recipe_end_in_one_line(
    options: tuple[str, ...], line: str, tmp_path: Path
) -> None:
    done = Running(attend, "attack", *options, *DEMO, folder=tmp_path).ended()
    assert done.code == 1
    assert done.tracebacks == 0
    (found,) = done.lines
    assert line in found


def test_data_stand_for_the_option_of_textattack(fresh: Callable[[], Path]) -> None:
    given = ("attack", "--recipe", "hackattend", "--model", "victim", "--num-examples", "2")
    ours, theirs = (
        Running(attend, *given, option, "data.tsv^text,label", folder=fresh()).ended()
        for option in ("--data", "--dataset-from-file")
    )
    assert ours.code == 0, ours.error
    assert without_times(ours.output) == without_times(theirs.output)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--recipe", "hackattend", "--model", "attend-dem"), 1),
        (("--recipe", "hackattend", *DEMO, "--query-budget", "0"), 1),
    ],
    ids=["model", "number"],
)
def test_mistakes_end_in_the_same_line(
    arguments: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    ours, theirs = both(*arguments, folder=tmp_path)
    assert ours.code == theirs.code == code
    assert ours.tracebacks == 0
    line, expected = (ended.error.splitlines()[-1] for ended in (ours, theirs))
    assert "error: " in expected
    assert line.partition("error: ")[2] == expected.partition("error: ")[2]


def test_an_interrupt_ends_it_as_it_ends_textattack(tmp_path: Path) -> None:
    running = Running(attend, *ATTACK, folder=tmp_path)
    once_there("saved/*", 0)(running)
    running.send(signal.SIGINT)
    ended = running.ended()
    assert ended.code == 128 + signal.SIGINT
    assert ended.tracebacks == 0
    (line,) = ended.lines
    assert re.match(r"textattack: interrupted after \d examples; `textattack attack-resume ", line)


@pytest.mark.slow
def test_a_plugin_that_is_switched_off_attacks_all_the_same() -> None:
    given = ("attack", "--recipe", "hackattend", *DEMO)
    off = {"TEXTATTACK_ATTEND_PLUGIN": "0", "NLTK_DATA": str(nltk_fallback.DATA)}
    done = run("textattack-attend", *given, environment=off)
    assert done.returncode == 0, done.stderr
    assert "Avg gradient passes" in done.stdout


@pytest.mark.slow
def test_names_are_listed_without_an_entry_point() -> None:
    done = run("textattack-attend", "ls", "attacks", autoload=False)
    assert "  hackattend  " in done.stdout, done.stderr


@pytest.mark.skipif(fits("5.0"), reason="TextAttack alone cannot be imported with transformers 5")
def test_textattack_says_why_it_knows_nothing_of_the_package(tmp_path: Path) -> None:
    """Its own data and models are all it has then, which a recipe in a file can attack."""
    (tmp_path / "data.py").write_text(
        "from textattack.datasets import Dataset\ndataset = Dataset([('a fine film', 1)])\n"
    )
    file = ("--attack-from-file", f"{RECIPES / 'table5.py'}^alpha_0_1_percent")
    victim = ("--model", str(VICTIM_PATH), "--dataset-from-file", str(tmp_path / "data.py"))
    given = ("attack", *file, *victim)
    data = {"NLTK_DATA": str(nltk_fallback.DATA)}
    done = run("textattack", *given, autoload=False, environment=data)
    said = [line for line in done.stderr.splitlines() if AUTOLOAD in line]
    assert len(said) == 1, done.stderr
    assert "use `textattack-attend attack`" in said[0]


def test_torch_is_imported_without_the_entry_point() -> None:
    code = "import torch, sys; print('_textattack_attend_plugin' in sys.modules)"
    done = run("python", "-c", code, autoload=False)
    assert (done.stdout.strip(), done.stderr) == ("False", "")
