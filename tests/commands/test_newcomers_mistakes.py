"""The mistakes that a newcomer makes: one clear line each, which says what to do next."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from safetensors.torch import save_file

from textattack_attend.benchmark import Store
from textattack_attend.commands.main import main
from textattack_attend.demo import VICTIM_PATH

REVIEWS = VICTIM_PATH.parent / "reviews.tsv"
DEMO = "--model attend-demo"
HACKATTEND = f"attack --recipe hackattend {DEMO}"
FILE = "--dataset-from-file"
TRAIN = f"train --task sst2 {DEMO} --data ."
MISTAKES = [
    # A command, an option or a name that does not exist.
    ("hackattend", 2, r"it is an attack: textattack-attend attack --recipe hackattend --model M"),
    ("benchmrk", 2, r"there is no command 'benchmrk'; did you mean 'benchmark'\?"),
    ("atack a-film", 2, r"there is no command 'atack'; did you mean 'attack'\?"),
    ("please", 2, r"there is no command 'please'; textattack-attend --help says more"),
    ("results --tabel rows", 2, r"there is no option '--tabel'; did you mean '--table'\?"),
    ("ls victim", 2, r"expected one of .*, got 'victim'; did you mean 'victims'\?"),
    ("results --table asr", 2, r"got 'asr'; did you mean 'ASR'\?"),
    (f"attack --recipe hackatend {DEMO}", 2, r"'hackatend'; did you mean 'hackattend'\?"),
    (f"attack --recipe quick {DEMO}", 2, r"there is no 'quick'"),
    ("benchmark quik", 1, r"quik: expected a recipe .* quick, .*; did you mean 'quick'\?"),
    ("benchmark hackattend", 1, r"got an attack; textattack-attend attack --recipe hackattend"),
    (f"{TRAIN} --output o --defense s-atend", 2, r"did you mean 's-attend'\?"),
    (f"train --task sts2 {DEMO} --data . --output o", 1, r"task: expected one of .*, got 'sts2'"),
    # Something is forgotten.
    ("attack --recipe hackattend", 1, r"--model: expected a folder or a name, got none; attend-"),
    (TRAIN, 2, r"Missing option '--output'; textattack-attend train --help says more"),
    (f"check {DEMO}", 2, r"Missing option '--data'; textattack-attend check --help says more"),
    ("check attend-demo reviews.tsv", 2, r"Missing option '--model'"),
    ("audit attend-demo", 2, r"Missing argument 'DATA'; textattack-attend audit --help says more"),
    (
        "compare new.sqlite",
        2,
        r"expected a second store, or two victims or attacks of one run: --victims A B",
    ),
    ("benchmark --workers 2", 2, r"--workers: expected --ray ADDRESS beside it"),
    ("results", 1, r"benchmark.sqlite: expected a store .*, got no file; name it with --store, or"),
    (f"{TRAIN} --output o --alpha 0.1", 1, r"alpha: .* belongs to hackattend-at, s-attend"),
    # A file or a folder that is not what it should be.
    (f"{HACKATTEND} {FILE} three.csv", 1, r"three.csv.*: expected .*text,label"),
    (f"{HACKATTEND} {FILE} three.csv^text,lable", 1, r"'lable'.*; did you mean 'label'\?"),
    (f"{HACKATTEND} {FILE} missing.csv^text,label", 1, r"missing.csv: .*No such file"),
    (
        f"{HACKATTEND} {FILE} seven.csv^text,label",
        1,
        r"label 7.*: expected one of the mo",
    ),
    (f"check {DEMO} --data missing.tsv", 1, r"missing.tsv: expected "),
    (f"check {DEMO} --data missing.tsv^sst2", 1, r"missing.tsv: expected a data file"),
    ("audit attend-demo missing.csv^text,label", 1, r"missing.csv: expected a data file"),
    (f"check --model empty --data {REVIEWS}", 1, r"empty: expected the folder of a checkpoint"),
    (f"attack --recipe hackattend --model empty {FILE} three.csv^text,label", 1, r"no config.json"),
    (f"attack --recipe hackattend --model adapter {FILE} three.csv^text,label", 1, r"adapter: exp"),
    (f"{HACKATTEND[: -len(DEMO)]}--model note.txt a-film", 1, r"a checkpoint, got a file; give t"),
    (f"check --model orphan --data {REVIEWS}", 1, r"orphan: .*/missing/folder: .* is nothing; if"),
    (f"check --model note.txt --data {REVIEWS}", 1, r"note.txt: .* checkpoint, got a file"),
    ("audit note.txt attend-demo", 1, r"note.txt: .* checkpoint, got a file"),
    ("identity --model ./emty", 1, r"path at which there is nothing; did you mean 'empty'\?"),
    ("results --store note.txt", 1, r"note.txt: expected a store of `benchmark`"),
    ("report --store note.txt", 1, r"note.txt: expected a store of `benchmark`"),
    ("report --store new.sqlite", 1, r"new.sqlite: .* got none yet; `textattack-attend benchmark`"),
    (
        "report new.sqlite",
        2,
        r"extra argument \(new.sqlite\); .* report --help says more",
    ),
    ("benchmark --store missing/s.sqlite", 1, r"there is no folder .*missing"),
    (f"replay note.txt {DEMO}", 1, r"note.txt: expected"),
    ("replay missing.safetensors", 1, r"--model: expected the model"),
    ("benchmark bad.yaml", 1, r"bad.yaml: .*expected the key 'data', got none"),
    (f"{TRAIN} --output note.txt", 2, r"--output.*'note.txt' is a file"),
    # A number that is none, or out of its range.
    (f"{HACKATTEND} --mask-fraction 1%", 2, r"'--mask-fraction': '1%' is not a valid float"),
    (f"{HACKATTEND} --mask-fraction 2", 1, r"mask_fraction: expected a share in \(0, 1\], got 2"),
    (f"attack a-fine-film {DEMO} --label 7", 1, r"label.*7"),
    (f"attack a-fine-film {DEMO} --mask-fracton 0.1", 1, r"did you mean '--mask-fraction'\?"),
    (f"{HACKATTEND} --num-examples -5", 1, r"--num-examples: expected at least 1, or -1 for all"),
    (f"{HACKATTEND} --num-examples many", 2, r"--num-examples.*'many'"),
    (f"check {DEMO} --data reviews.tsv --num-examples 0", 2, r"--num-examples.*0 is not in"),
    (f"{TRAIN} --output o --defense s-attend --alpha 20%", 2, r"'--alpha': '20%' is not a valid"),
    (f"{TRAIN} --output o --epochs 0", 2, r"--epochs.*0 is not in the range"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of many kinds, all of them wrong."""
    folder = tmp_path_factory.mktemp("newcomer")
    (folder / "three.csv").write_text("text,label\na fine film,1\na dull film,0\n")
    (folder / "seven.csv").write_text("text,label\na fine film,7\n")
    (folder / "note.txt").write_text("hello\n")
    (folder / "bad.yaml").write_text("victim: attend-demo\n")
    (folder / "empty").mkdir()
    (folder / "adapter").mkdir()
    adapter = '{"base_model_name_or_path": "missing/folder", "peft_type": "LORA"}'
    (folder / "adapter" / "adapter_config.json").write_text(adapter)
    (folder / "orphan").mkdir()
    (folder / "orphan" / "adapter_config.json").write_text(adapter.replace("missing", "/missing"))
    save_file({}, folder / "orphan" / "adapter_model.safetensors")
    Store(folder / "new.sqlite").close()
    return folder


@pytest.mark.parametrize(("command", "code", "line"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_answered_by_one_line(
    command: str, code: int, line: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(main, command.split(), prog_name="textattack-attend")
    assert isinstance(done.exception, SystemExit), done.exc_info
    assert done.exit_code == code
    assert done.stdout == ""
    _require_one_line(done.stderr, line)


def test_an_option_that_is_none_is_answered_without_the_libraries(folder: Path) -> None:
    _require_one_line(_fresh(folder, "report --titel a", 2), r"did you mean '--title'\?")


def test_a_model_without_a_configuration_is_answered_in_a_fresh_process(folder: Path) -> None:
    given = f"attack --recipe hackattend --model empty {FILE} three.csv^text,label"
    said = _fresh(folder, given, 1)
    assert said.startswith("loading the libraries\n")
    _require_one_line(said, "no config.json")


def test_no_arguments_show_the_help() -> None:
    shown = CliRunner().invoke(main, [])
    assert shown.output == CliRunner().invoke(main, ["-h"]).output
    assert shown.output.startswith("Usage: ")


def _fresh(folder: Path, command: str, code: int) -> str:
    """Runs a command in a process of its own, and returns what it writes to standard error."""
    program = Path(sys.executable).with_name("textattack-attend")
    done = subprocess.run(
        [program, *command.split()], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (code, "")
    return done.stderr


def _require_one_line(said: str, line: str) -> None:
    errors = [one for one in said.splitlines() if re.match(r"(Error|textattack: error): ", one)]
    assert len(errors) == 1, said
    assert re.search(line, errors[0]), said
    assert "Traceback" not in said
    assert "UnboundLocalError" not in said
    assert "Usage" not in said
    assert said.splitlines()[-1] == errors[0]
