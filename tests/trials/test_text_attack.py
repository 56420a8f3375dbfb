"""TextAttack's own command line with our attacks: an answer, or one line, and never a traceback.

Looked up in public: ``--parallel`` that stays at 0% or dies met users of TextAttack #359, #366 and
#372; what happens without a network, users of #651 and #608; a checkpoint that skips what was under
way when a run was cut, #128 (its numbers are positions in the data set since).

What is TextAttack's own, and stays: a misspelt ``--recipe`` is argparse's line with exit code 2.
"""

from __future__ import annotations

import errno
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from textattack import Attacker
from textattack.commands.attack_command import AttackCommand
from textattack.commands.attack_resume_command import AttackResumeCommand
from textattack.loggers import CSVLogger
from textattack.shared import AttackCheckpoint

from textattack_attend.attacks.attack import StructureAttack
from textattack_attend.demo import REVIEWS_PATH, VICTIM_PATH
from textattack_attend.host import register

from .trial import CommandRefusedError, Trial, table

DEMO = ("--recipe", "hackattend-plus", "--model", "attend-demo")
FOLDER = ("--recipe", "hackattend-plus", "--model", str(VICTIM_PATH))
DATA = (*FOLDER, "--dataset-from-file")
BY_NAME = "--dataset-by-model"
ERROR = "textattack: error: "
QUICKLY = ("--query-budget", 3)


def textattack(*arguments: object) -> str:
    """Runs ``textattack`` in this process, with arguments as it parses them.

    Raises:
        SystemExit: it ended with a code and no error line.
        CommandRefusedError: it ended with an error line.
        Exception: whatever the command raised; on a terminal that would be a traceback.
    """
    register.register()
    parser = ArgumentParser("textattack")
    commands = parser.add_subparsers()
    AttackCommand.register_subcommand(commands)
    AttackResumeCommand.register_subcommand(commands)
    args = parser.parse_args(list(map(str, arguments)))
    run = args.func.run
    del args.func
    try:
        run(args)
    except SystemExit as end:
        said = str(end.code)
        if not said.startswith(ERROR):
            raise
        raise CommandRefusedError(said.removeprefix(ERROR)) from None
    return "done"


def attack(*arguments: object) -> Callable[[Path], str]:
    """``textattack attack`` with arguments, in which FOLDER stands for the trial's own."""
    return lambda folder: textattack(
        "attack", *(str(one).replace("FOLDER", str(folder)) for one in arguments)
    )


def with_file(name: str, content: str | bytes, *arguments: object) -> Callable[[Path], str]:
    """Runs ``textattack attack`` with a file in that folder."""

    def run(folder: Path) -> str:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return attack(*arguments)(folder)

    return run


def with_folder(name: str, run: Callable[[Path], str]) -> Callable[[Path], str]:
    """Does a run with a folder in the place of a file."""

    def made(folder: Path) -> str:
        (folder / name).mkdir()
        return run(folder)

    return made


def resumed(name: str, content: bytes | None) -> Callable[[Path], str]:
    """``textattack attack-resume`` of a checkpoint with that content."""

    def run(folder: Path) -> str:
        if content is not None:
            (folder / name).write_bytes(content)
        return textattack("attack-resume", "--checkpoint-file", folder / name)

    return run


def with_a_full_disk(run: Callable[[Path], str]) -> Callable[[Path], str]:
    """Runs a command whose log has no room once the attacks are done."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def without_room(folder: Path) -> str:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(CSVLogger, "flush", fail)
            return run(folder)

    return without_room


def without_a_package(name: str, run: Callable[[Path], str]) -> Callable[[Path], str]:
    """Makes a package look as if it were not installed."""

    def patched(folder: Path) -> str:
        from textattack_attend.host import arguments

        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(arguments, "find_spec", lambda package: None)
            return run(folder)

    return patched


def with_a_package(name: str, run: Callable[[Path], str]) -> Callable[[Path], str]:
    """Makes a package look as if it were installed."""

    def patched(folder: Path) -> str:
        from textattack_attend.host import arguments

        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(arguments, "find_spec", lambda package: object())
            return run(folder)

    return patched


SELECT = "from textattack.datasets import Dataset\n"

DATA_TRIALS = [
    Trial(
        "no data set",
        attack(*FOLDER),
        line=r"^expected a data set, got none; give --data FILE\^FORMAT or FILE\^COLUMN,...,LABEL",
    ),
    Trial(
        "no data set, no model",
        attack("--recipe", "hackattend"),
        line="^--model: expected a folder or a name, got none; attend-demo comes with",
    ),
    Trial(
        "a data set and no model",
        attack("--recipe", "hackattend", "--dataset-from-file", f"{REVIEWS_PATH}^sst2"),
        line="^--model: expected a folder or a name, got none; attend-demo comes with",
    ),
    Trial(
        "a data set of the name of a model",
        attack(*FOLDER, BY_NAME, "attend-demo", "--num-examples", 1),
        answer="done",
    ),
    Trial(
        "no data set of that name",
        attack(*FOLDER, BY_NAME, "attend-dmo"),
        line="expected a data set, got none",
    ),
    Trial(
        "a Python file that is missing",
        attack(*DATA, "FOLDER/no.py"),
        line="no.py: expected a Python file with a data set named 'dataset', .*FileNotFoundError",
    ),
    Trial(
        "a Python file that fails",
        with_file("own.py", "data = undefined\n", *DATA, "FOLDER/own.py^data"),
        line="own.py: expected a Python file with a data set named 'data'.*NameError: .*'undef",
    ),
    Trial(
        "a Python file without the data set",
        with_file("own.py", "data = 3\n", *DATA, "FOLDER/own.py"),
        line="own.py: expected .* named 'dataset'.*not found",
    ),
    Trial(
        "a data set that is a number",
        with_file("own.py", "dataset = 3\n", *DATA, "FOLDER/own.py"),
        line="own.py: expected .* named 'dataset'.*must be of type",
    ),
    Trial(
        "a data set without examples",
        with_file("own.py", f"{SELECT}dataset = Dataset([])\n", *DATA, "FOLDER/own.py"),
        line="expected a data set with examples, got an empty one",
    ),
    Trial(
        "a data file that is missing",
        attack(*DATA, "FOLDER/no.csv^text,label"),
        line="no.csv: cannot",
    ),
    Trial("a data file without columns", attack(*DATA, "FOLDER/no.csv"), line="no.csv.*expected"),
    Trial(
        "data of the hub without a network",
        attack(*FOLDER, "--dataset-from-huggingface", "no/such-data"),
        line="no/such-data: expected a data set on the hub, which needs a network once",
        reported="TextAttack #651",
    ),
    Trial(
        "labels that no example has",
        attack(*DATA, f"{REVIEWS_PATH}^sst2", "--filter-by-labels", 7),
        line="expected a data set with examples, got an empty one",
    ),
    Trial(
        "an offset beyond the data",
        attack(*DEMO, "--num-examples-offset", 1000),
        line="^num_examples_offset: expected at most 219, as the data set has 220 examples, got",
    ),
    Trial(
        "an offset at the end",
        attack(*DEMO, "--num-examples-offset", 220),
        line="num_examples_offset: expected at most 219",
    ),
    Trial(
        "the last example",
        attack(*DEMO, "--num-examples-offset", 219, "--num-examples", 5),
        answer="done",
    ),
]
MODELS = [
    Trial(
        "a model that is misspelt",
        attack("--recipe", "hackattend", "--model", "atend-demo"),
        line="--model: expected a folder, .*, got 'atend-demo'; did you mean 'attend-demo'",
    ),
    Trial(
        "a model of the hub without a network",
        attack(
            "--recipe",
            "hackattend",
            "--model-from-huggingface",
            "no/such",
            *DATA[4:],
            f"{REVIEWS_PATH}^sst2",
        ),
        line="^no/such: expected the folder of a checkpoint .* which needs a network once",
        reported="TextAttack #608, #651",
    ),
    Trial(
        "a folder without a model",
        attack("--recipe", "hackattend", "--model", "FOLDER", *DATA[4:], f"{REVIEWS_PATH}^sst2"),
        line="expected the folder of a checkpoint",
    ),
    Trial(
        "a folder with half a model",
        with_file(
            "config.json",
            "{",
            "--recipe",
            "hackattend",
            "--model",
            "FOLDER",
            *DATA[4:],
            f"{REVIEWS_PATH}^sst2",
        ),
        line="expected the folder of a checkpoint",
    ),
    Trial(
        "a Python file that is no model",
        with_file(
            "own.py",
            "model = 3\n",
            "--recipe",
            "hackattend",
            "--model-from-file",
            "FOLDER/own.py",
            *DATA[4:],
            f"{REVIEWS_PATH}^sst2",
        ),
        line="own.py: expected a Python file with a model wrapper named 'model'.*TypeError",
    ),
    Trial(
        "an attack on attention of a model that is no transformer",
        with_file(
            "own.py",
            "from textattack.models.wrappers import ModelWrapper\n"
            "class Constant(ModelWrapper):\n"
            "    def __call__(self, texts):\n"
            "        return [[0.5, 0.5]] * len(texts)\n"
            "model = Constant()\n",
            "--recipe",
            "hackattend",
            "--model-from-file",
            "FOLDER/own.py",
            *DATA[4:],
            f"{REVIEWS_PATH}^sst2",
        ),
        line="expected a HuggingFaceModelWrapper or an AttentionModelWrapper, got Constant",
    ),
]
ATTACKS = [
    Trial(
        "a file of attacks that is missing",
        attack("--attack-from-file", "FOLDER/no.py^mine", "--model", "attend-demo"),
        line="no.py.mine: expected an attack that can be built on this model .FileNotFoundError",
    ),
    Trial(
        "an attack that fails to be built",
        with_file(
            "own.py",
            "def attack(wrapper):\n    raise KeyError('x')\n",
            "--attack-from-file",
            "FOLDER/own.py",
            "--model",
            "attend-demo",
        ),
        line="own.py: expected an attack that can be built on this model .KeyError: 'x'",
    ),
    Trial(
        "an attack that is none",
        with_file(
            "own.py",
            "def attack(wrapper):\n    return 3\n",
            "--attack-from-file",
            "FOLDER/own.py",
            "--model",
            "attend-demo",
        ),
        line="own.py: expected a function that returns an Attack of TextAttack, got 3",
    ),
    Trial(
        "metrics without their package",
        without_a_package("tensorflow_hub", attack(*DEMO, "--enable-advance-metrics")),
        line="^--enable-advance-metrics: expected the package tensorflow_hub to be installed",
    ),
    Trial(
        "metrics without their model",
        with_a_package("tensorflow_hub", attack(*DEMO, "--enable-advance-metrics")),
        line="^gpt2: expected the folder of a checkpoint",
    ),
    Trial(
        "a search method that is misspelt",
        attack(
            "--search-method",
            "gredy",
            "--transformation",
            "word-swap-random-char-deletion",
            "--model",
            "attend-demo",
        ),
        line="the attack: expected an attack that can be built .*unsupported attack gredy",
    ),
]
NUMBERS = [
    Trial(f"{option} {value}", attack(*DEMO, option, value), line=line)
    for option, value, line in (
        ("--num-examples", 0, "^--num-examples: expected at least 1, or -1 for all, got 0"),
        ("--num-examples", -5, "^--num-examples: expected at least 1, or -1 for all, got -5"),
        ("--num-successful-examples", 0, "--num-successful-examples: expected at least 1, got 0"),
        ("--num-examples-offset", -1, "--num-examples-offset: expected at least 0, got -1"),
        ("--query-budget", 0, "--query-budget: expected at least 1, got 0"),
        ("--checkpoint-interval", 0, "--checkpoint-interval: expected at least 1, got 0"),
        ("--num-workers-per-device", 0, "--num-workers-per-device: expected at least 1, got 0"),
        ("--model-batch-size", 0, "--model-batch-size: expected at least 1, got 0"),
        ("--random-seed", -1, "--random-seed: expected at least 0, got -1"),
        ("--random-seed", 2**32, "--random-seed: expected at most 4294967295, got 4294967296"),
        ("--csv-coloring-style", "blue", "--csv-coloring-style: expected one of file, plain, html"),
    )
]
LOGS = [
    Trial(
        "a CSV file in a folder that is a file",
        with_file("taken", "", *DEMO, "--log-to-csv", "FOLDER/taken/log.csv"),
        line="^--log-to-csv: expected a place where files can be written, got .*Not a directory",
    ),
    Trial(
        "a log on a full disk",
        with_a_full_disk(attack(*DEMO, "--num-examples", "1", "--log-to-csv", "FOLDER/log.csv")),
        line="^expected room for the logs and checkpoints, got none .No space left on device.; mak",
    ),
    Trial(
        "a CSV file that is a folder",
        with_folder("log.csv", attack(*DEMO, "--log-to-csv", "FOLDER/log.csv")),
        line="^--log-to-csv: expected a file that can be written, got .*log.csv",
    ),
    Trial(
        "a text log where nothing can be written",
        attack(*DEMO, "--log-to-txt", "/proc/none/log.txt"),
        line="^--log-to-txt: expected a place where files can be written, got /proc/none",
    ),
    Trial(
        "checkpoints where nothing can be written",
        attack(*DEMO, "--checkpoint-interval", 1, "--checkpoint-dir", "/proc/none"),
        line="^--checkpoint-dir: expected a place where files can be written, got /proc/none",
    ),
    Trial(
        "visdom that is not installed",
        without_a_package("visdom", attack(*DEMO, "--log-to-visdom")),
        line="^--log-to-visdom: expected the package visdom to be installed; pip install visdom",
    ),
    Trial(
        "visdom without a server",
        with_a_package("visdom", attack(*DEMO, "--log-to-visdom", '{"port": 1}')),
        line="^--log-to-visdom: expected a server of visdom on localhost:1, got none; start it",
    ),
    Trial(
        "visdom with another key",
        with_a_package("visdom", attack(*DEMO, "--log-to-visdom", '{"prot": 1}')),
        line="--log-to-visdom: expected the keys env, port, hostname, got prot",
    ),
    Trial(
        "visdom at a port that is none",
        with_a_package("visdom", attack(*DEMO, "--log-to-visdom", '{"port": "x"}')),
        line="expected a server of visdom on localhost:x, got none",
    ),
    Trial(
        "wandb that is not installed",
        without_a_package("wandb", attack(*DEMO, "--log-to-wandb")),
        line="^--log-to-wandb: expected the package wandb to be installed; pip install wandb",
    ),
    Trial(
        "wandb with a number",
        attack(*DEMO, "--log-to-wandb", "3"),
        line="--log-to-wandb: expected a JSON object, got 3",
    ),
]
RESUME = [
    Trial(
        "a checkpoint that is missing",
        resumed("1.ta.chkpt", None),
        line="1.ta.chkpt: expected a whole",
    ),
    Trial(
        "an empty checkpoint", resumed("1.ta.chkpt", b""), line="1.ta.chkpt: expected a whole .*EOF"
    ),
    Trial(
        "a damaged checkpoint", resumed("1.ta.chkpt", b"\x80\x05nonsense"), line="expected a whole"
    ),
    Trial(
        "another pickle", resumed("1.ta.chkpt", pickle.dumps([1])), line="expected a whole checkp"
    ),
    Trial(
        "the latest of none", resumed("latest", None), line="latest: expected a whole .* is empty"
    ),
    Trial(
        "the latest of a foreign name",
        lambda folder: [(folder / "x.ta.chkpt").write_bytes(b""), resumed("latest", None)(folder)],
        line="latest: expected a whole",
    ),
]
TRIALS = [*DATA_TRIALS, *MODELS, *ATTACKS, *NUMBERS, *LOGS, *RESUME]


@pytest.mark.trial
@table(TRIALS)
def test_trial(trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trial.check(tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.trial
@table(
    [
        Trial(
            "--parallel without a GPU",
            attack(*DEMO, "--parallel"),
            line="^--parallel: expected a GPU, got none; leave it out to use the CPU",
            reported="TextAttack #359",
        )
    ]
)
def test_trial_without_a_gpu(trial: Trial, tmp_path: Path) -> None:
    trial.check(tmp_path)


def test_a_misspelt_recipe_is_a_line_of_argparse(capsys: pytest.CaptureFixture[str]) -> None:
    """TextAttack's own behaviour, which the names that we add take part in."""
    with pytest.raises(SystemExit) as caught:
        textattack("attack", "--recipe", "hackatend")
    assert caught.value.code == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "invalid choice: 'hackatend' (choose from " in line
    assert "hackattend-plus" in line


def test_what_is_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    log = ("--log-to-csv", tmp_path / "new" / "log.csv", "--checkpoint-dir", tmp_path / "saved")
    with pytest.raises(CommandRefusedError):
        textattack("attack", *FOLDER, *log, "--checkpoint-interval", 1)
    assert not list(tmp_path.iterdir())


def interrupting_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets an attack run on some examples, and then interrupts it as Ctrl-C does."""
    original = StructureAttack.attack
    done: list[int] = []

    def attack_or_interrupt(self: Any, *arguments: Any) -> Any:
        if len(done) == count:
            raise KeyboardInterrupt
        done.append(1)
        return original(self, *arguments)

    monkeypatch.setattr(StructureAttack, "attack", attack_or_interrupt)


def interrupted(*arguments: object) -> int:
    """The exit code of an interrupted run."""
    register.register()
    with pytest.raises(SystemExit) as caught:
        textattack(*arguments, *(QUICKLY if arguments[0] == "attack" else ()))
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.parametrize(
    ("options", "how"),
    [
        (
            (),
            "--num-examples-offset 208 --num-examples 4 attacks the rest; with --checkpoint-inter",
        ),
        (("--num-examples", -1), "--num-examples-offset 208 --num-examples 12 attacks the rest"),
        (("--shuffle",), "with --checkpoint-interval N a run can be resumed"),
        (("--num-successful-examples", 7), "with --checkpoint-interval N a run can be resumed"),
    ],
)
def test_an_interrupt_says_what_was_done_and_how_to_go_on(
    options: tuple[object, ...],
    how: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    interrupting_after(3, monkeypatch)
    log = tmp_path / "log.csv"
    given = (
        options
        if any(str(o).startswith("--num") for o in options)
        else ("--num-examples", 7, *options)
    )
    assert (
        interrupted("attack", *DEMO, "--num-examples-offset", 205, *given, "--log-to-csv", log)
        == 130
    )
    said = capsys.readouterr()
    line = said.err.splitlines()[-1]
    assert line.startswith(f"textattack: interrupted after 3 examples; {how}")
    assert "Attack Results" in said.out
    assert len(log.read_text().splitlines()) == 4


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Lets SIGINT interrupt this process, whatever a test before has left."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_in_the_middle_of_a_log_leaves_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original, log = CSVLogger.log_attack_result, tmp_path / "log.csv"

    def with_a_signal(self: Any, result: Any) -> None:
        if len(self.row_list) == 1:
            signal.raise_signal(signal.SIGINT)
        original(self, result)

    monkeypatch.setattr(CSVLogger, "log_attack_result", with_a_signal)
    assert interrupted("attack", *DEMO, "--num-examples", 4, "--log-to-csv", log) == 130
    assert "interrupted after 2 examples" in capsys.readouterr().err
    assert len(log.read_text().splitlines()) == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_before_the_first_example(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupting_after(0, monkeypatch)
    assert interrupted("attack", *DEMO) == 130
    line = capsys.readouterr().err.splitlines()[-1]
    assert line == (
        "textattack: interrupted before an example was attacked; the same command begins anew"
    )


def test_an_interrupted_run_goes_on_from_its_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "1.ta.chkpt").write_bytes(b"of an earlier run")
    saved = ("--checkpoint-interval", 2, "--checkpoint-dir", tmp_path)
    whole = ("attack", *DEMO, "--num-examples", 4)
    textattack(*whole, *QUICKLY)
    expected = summary(capsys.readouterr().out)
    with pytest.MonkeyPatch.context() as patched:
        interrupting_after(3, patched)
        assert interrupted(*whole, *saved) == 130
    line = capsys.readouterr().err.splitlines()[-1]
    newest = max(tmp_path.iterdir())
    assert line == (
        "textattack: interrupted after 3 examples; `textattack attack-resume --checkpoint-file "
        f"{newest}` goes on from there"
    )
    with pytest.MonkeyPatch.context() as patched:
        interrupting_after(1, patched)  # before there is another checkpoint
        assert interrupted("attack-resume", "--checkpoint-file", newest) == 130
    assert f"--checkpoint-file {newest}` goes on" in capsys.readouterr().err
    textattack("attack-resume", "--checkpoint-file", newest)
    assert summary(capsys.readouterr().out) == expected


def summary(output: str) -> list[str]:
    """The last table that TextAttack printed."""
    lines = output[output.rindex("Attack Results") :].splitlines()
    return [line for line in lines if line.startswith("|")]


@pytest.mark.slow
def test_ctrl_c_in_a_process(tmp_path: Path) -> None:
    """A signal from outside: every log has every result, and the code is that of shells."""
    program = str(Path(sys.executable).with_name("textattack"))
    saved = ["--checkpoint-interval", "2", "--checkpoint-dir", "saved", "--log-to-csv", "log.csv"]
    process = subprocess.Popen(
        [program, "attack", *DEMO, "--num-examples", "-1", *saved],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
        # Whoever runs the tests in the background of a shell has switched SIGINT off.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not list(tmp_path.glob("saved/*")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, error = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in error
    said = re.search(
        r"interrupted after (\d+) examples; `textattack (attack-resume .*)` goes", error
    )
    assert said, error
    assert len((tmp_path / "log.csv").read_text().splitlines()) == int(said[1]) + 1
    assert "Attack Results" in output
    AttackCheckpoint.load(str(tmp_path / said[2].split()[-1]))


def test_an_interrupt_reaches_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the command line ends by it; Attacker's callers get it as ever."""
    from textattack import AttackArgs

    from textattack_attend.attack_recipes import HackAttendPlus
    from textattack_attend.datasets import DemoReviews
    from textattack_attend.models.wrappers import wrapper_for

    register.register()
    interrupting_after(1, monkeypatch)
    attacker = Attacker(
        HackAttendPlus.build(wrapper_for("attend-demo")),
        DemoReviews(),
        AttackArgs(num_examples=2, disable_stdout=True, silent=True),
    )
    with pytest.raises(KeyboardInterrupt):
        attacker.attack_dataset()
    assert len(attacker.attack_log_manager.results) == 1


def test_an_error_of_the_attack_itself_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(StructureAttack, "attack", fail)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        textattack("attack", *DEMO)


def test_programs_get_the_errors_that_they_got() -> None:
    from textattack import DatasetArgs, ModelArgs

    register.register()
    with pytest.raises(ValueError, match=r"^Must supply pretrained model or dataset$"):
        DatasetArgs._create_dataset_from_args(DatasetArgs())
    with pytest.raises(ValueError, match=r"^Error: unsupported TextAttack model no$"):
        ModelArgs._create_model_from_args(ModelArgs(model="no"))


def test_the_end_of_an_interactive_session_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended() -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", ended)
    assert textattack("attack", *DEMO, "--interactive") == "done"


@pytest.mark.slow
def test_a_process_ends_with_one_line_and_a_code(tmp_path: Path) -> None:
    """A user sees the exit code, and the line on the right stream."""
    command = [str(Path(sys.executable).with_name("textattack")), "attack", *DEMO]
    done = subprocess.run(
        [*command, "--num-examples", "0"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "textattack: error: --num-examples: expected at least 1, or -1 for all, got 0"
    )
    assert "Traceback" not in done.stderr
