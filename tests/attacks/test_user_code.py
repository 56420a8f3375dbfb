"""Python files of attacks: when they are executed, and what they cannot do to a run."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from transformers import BertTokenizerFast

from textattack_attend.attacks.named import require_attack
from textattack_attend.attacks.source import LARGEST, require_attack_source
from textattack_attend.benchmark import Results, Store, read_recipe
from textattack_attend.benchmark.running import Benchmark, Cluster, rehearsal
from textattack_attend.benchmark.running.recording import error_row
from textattack_attend.errors import InvalidInputError, UserCodeError
from textattack_attend.process.containment import contained

from ..conftest import tiny_model
from ..helpers.limits import limits
from ..helpers.stored_results import results_of, row
from ..trials.test_text_attack import textattack
from ..trials.trial import CommandRefusedError, command

ATTACKS = """
import sys
from pathlib import Path
from textattack import Attack
from textattack.constraints.pre_transformation import RepeatModification
from textattack.goal_functions import UntargetedClassification
from textattack.search_methods import GreedySearch
from textattack.transformations import WordDeletion

Path(__file__).with_name("executed").touch()

class Own(BaseException):
    pass

def deleting(wrapper, most=3):
    goal = UntargetedClassification(wrapper)
    return Attack(goal, [RepeatModification()], WordDeletion(), GreedySearch())

def raising(wrapper, error, texts):
    class Raising(type(wrapper)):
        def __call__(self, given):
            if any(word in str(text) for text in given for word in texts):
                raise error
            return super().__call__(given)
    return deleting(Raising(wrapper.model, wrapper.tokenizer))

def exiting_when_built(wrapper):
    sys.exit(0)

def exiting(wrapper):
    return raising(wrapper, SystemExit(0), [""])

def exiting_late(wrapper):
    return raising(wrapper, SystemExit(0), ["plot"])

def own_late(wrapper):
    return raising(wrapper, Own("of mine"), ["plot"])

def generator_late(wrapper):
    return raising(wrapper, GeneratorExit(), ["plot"])

def recursion_late(wrapper):
    def deeper():
        deeper()
    class Recursing(type(wrapper)):
        def __call__(self, texts):
            if any("plot" in str(text) for text in texts):
                deeper()
            return super().__call__(texts)
    return deleting(Recursing(wrapper.model, wrapper.tokenizer))

def interrupting(wrapper):
    return raising(wrapper, KeyboardInterrupt(), ["plot"])
"""
RECIPE = """
data: data.tsv^text,label
victims: {tiny: victim}
attacks:
  HackAttend: {recipe: hackattend, options: {mask_fraction: 0.1}}
  mine: attacks.py^FUNCTION
"""
TEXTS = ("a good film", "the plot was dull", "never a weak scene")
PLOT = 1
"""The position of the example on which some attacks raise."""


@pytest.fixture(scope="module")
def checkpoint(vocabulary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("victim")
    tiny_model(labels=2).save_pretrained(folder)
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path, checkpoint: Path) -> Path:
    """All that a recipe names, with labels that the victim gives, so that no example is skipped."""
    from textattack_attend.models.wrappers import wrapper_for

    (tmp_path / "victim").symlink_to(checkpoint)
    labels = wrapper_for(str(checkpoint))(list(TEXTS)).argmax(1).tolist()
    rows = "".join(f"{text}\t{label}\n" for text, label in zip(TEXTS, labels, strict=True))
    (tmp_path / "data.tsv").write_text(f"text\tlabel\n{rows}")
    (tmp_path / "attacks.py").write_text(ATTACKS)
    return tmp_path


def recipe_with(folder: Path, function: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(RECIPE.replace("FUNCTION", function))
    return path


def is_executed(folder: Path) -> bool:
    """Whether the file of attacks was executed since the last question."""
    executed = (folder / "executed").exists()
    (folder / "executed").unlink(missing_ok=True)
    return executed


# --- when a file is executed ---


def test_validate_executes_no_file_unless_it_is_asked_to(folder: Path) -> None:
    recipe = recipe_with(folder, "deleting")
    said = command("validate", recipe)
    assert not is_executed(folder)
    assert f"attack mine: {folder}/attacks.py was read and not executed, so it was not" in said
    assert said.splitlines()[-1] == "6 attacks in all"
    said = command("validate", recipe, "--run-code")
    assert is_executed(folder)
    assert "not executed" not in said


def test_validate_rehearses_the_other_attacks_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    original = rehearsal._Rehearsal._try

    def noted(self: Any, name: str, *arguments: Any) -> None:
        tried.append(name)
        original(self, name, *arguments)

    monkeypatch.setattr(rehearsal._Rehearsal, "_try", noted)
    command("validate", recipe_with(folder, "exiting_when_built"))
    assert tried == ["HackAttend"]
    assert not is_executed(folder)


def test_validate_names_mistakes_of_a_file_beside_others(folder: Path) -> None:
    recipe = recipe_with(folder, "deletin")
    recipe.write_text(recipe.read_text().replace("0.1", "7"))
    with pytest.raises(CommandRefusedError, match=r"2 mistakes: .*function 'deletin', got"):
        command("validate", recipe)
    assert not is_executed(folder)


def test_reading_results_executes_no_file(folder: Path) -> None:
    name = f"{folder}/attacks.py^deleting"
    store = Store(folder / "store.sqlite")
    rows = {("V", attack, "C"): [row(n, "failed") for n in range(2)] for attack in ("A", "B")}
    results_of(store, rows, attacks={label: {"recipe": name} for label in ("A", "B")})
    path = str(folder / "store.sqlite")
    for arguments in (
        ["results", "--store", path],
        ["results", "--store", path, "--table", "rows"],
        ["compare", path, path],
        ["report", "--store", path, "--output", str(folder / "report.html")],
    ):
        command(*arguments)
        assert not is_executed(folder), arguments
    require_attack(name)
    assert is_executed(folder), "the file says that it was executed"


# --- what can be read of a file ---

WRITTEN: dict[str, tuple[str, str]] = {
    "a function": ("def f(wrapper): ...", ""),
    "an option": ("def f(wrapper, seed=1): ...", ""),
    "an option by keyword": ("def f(wrapper, *, seed): ...", ""),
    "any option": ("def f(wrapper, **options): ...", ""),
    "a lambda": ("f = lambda wrapper, seed: None", ""),
    "a decorated function": ("import functools\n@functools.cache\ndef f(wrapper, seed): ...", ""),
    "a function behind a condition": ("if True:\n    def f(wrapper, seed): ...", ""),
    "a function in a try": ("try:\n    pass\nfinally:\n    def f(wrapper, seed): ...", ""),
    "the last of two functions": ("def f(): ...\ndef f(wrapper, seed): ...", ""),
    "a class": ("class f:\n    def __init__(self, wrapper, seed): ...", ""),
    "an import": ("from functools import cache as f", ""),
    "a computed value": ("from functools import partial\nf = partial(lambda a, b, seed: 1, 2)", ""),
    "a name that is unpacked": ("f, g = (lambda wrapper, seed: 1), 2", ""),
    "a loop": ("for f in [lambda wrapper, seed: 1]: ...", ""),
    "a global": ("def g():\n    global f\n    f = lambda wrapper, seed: 1\ng()", ""),
    "globals": ("globals()['f'] = lambda wrapper, seed: 1", ""),
    "exec": ("exec('def f(wrapper, seed): ...')", ""),
    "no function": ("def g(wrapper): ...", "expected a function 'f', got none of that name"),
    "a method": ("class A:\n    def f(wrapper): ...", "expected a function 'f', got none of that"),
    "an inner function": ("def g():\n    def f(wrapper): ...", "expected a function 'f', got none"),
    "no parameter": ("def f(): ...", "expected 'f' to be a function of a model's wrapper, got "),
    "a constant": ("f = [1, 'a']", r"to be a function of a model's wrapper, got the list \[1, 'a'"),
    "another option": (
        "def f(wrapper, sed=1): ...",
        r"f: expected options that it has \(sed\), got 'seed'; did you mean 'sed'",
    ),
    "no option": ("def f(wrapper): ...", r"expected options that it has \(none\), got 'seed'"),
    "an option that is needed": (
        "def f(wrapper, seed, words): ...",
        "expected the options words, got none",
    ),
    "no Python": ("def f(:", "expected a Python file that can be imported, got SyntaxError"),
    "a NUL byte": ("f = 1\0", "expected a Python file that can be imported, got "),
    "many brackets": ("(" * 5_000, "expected a Python file that can be imported, got "),
    "many signs": (f"f = {'-' * 50_000}1", "expected a Python file that can be imported, got "),
    "a large file": ("#" * (LARGEST + 1), "expected a file of at most 1,048,576 bytes, got 1,048"),
}
NEEDS_NO_OPTION = ("a function", "an import", "no parameter", "a constant")


@pytest.mark.parametrize(("source", "line"), WRITTEN.values(), ids=WRITTEN)
def test_what_is_written_is_judged_as_what_is_executed(
    source: str, line: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "attacks.py"
    path.write_text(source)
    needs = request.node.callspec.id not in NEEDS_NO_OPTION
    options = {"seed": 3} if needs else {}
    said = []
    for require in (require_attack_source, require_attack):
        try:
            with limits(seconds=5, mebibytes=800):
                require(f"{path}^f", **options)
            said.append("")
        except InvalidInputError as error:
            said.append(str(error))
    assert "\n" not in said[0]
    assert bool(said[0]) == bool(line)
    with pytest.raises(AssertionError, match=line):
        raise AssertionError(said[0])
    if source.startswith(("#", "(", "f = -")):  # how an importer words what is too much is its own
        return
    if "no parameter" in request.node.callspec.id:  # one says def f(), the other shows the object
        assert said[1].partition(", got")[0] == said[0].partition(", got")[0]
    else:
        assert said[1] == said[0]


@pytest.mark.parametrize("name", ["none.py^f", "folder.py^f", "text.txt^f", "bare^f"])
def test_a_file_that_is_no_python_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.py").mkdir()
    for plain in ("text.txt", "bare"):
        (tmp_path / plain).write_text("def f(wrapper): ...")
    for require in (require_attack_source, require_attack):
        with pytest.raises(InvalidInputError, match="expected a Python file with the function 'f'"):
            require(name)


# --- what a file cannot do ---


def rows_of(store: Store) -> pd.DataFrame:
    rows: pd.DataFrame = Results.of(store).rows
    return rows[rows["attack"] == "mine"].set_index("position").sort_index()


LATE = {
    "exiting_late": "UserCodeError: expected code that lets the program go on, got SystemExit: 0; ",
    "own_late": "UserCodeError: expected code that lets the program go on, got Own: of mine; let",
    "generator_late": "UserCodeError: expected code that lets the program go on, got GeneratorExi",
    "recursion_late": "RecursionError: maximum recursion depth exceeded",
}


@pytest.mark.parametrize(("function", "error"), LATE.items(), ids=LATE)
def test_code_that_would_end_the_program_is_an_error_row(
    function: str, error: str, folder: Path
) -> None:
    store = Store(folder / "store.sqlite")
    Benchmark(read_recipe(recipe_with(folder, function)), store).run()
    rows = rows_of(store)
    assert list(rows.index) == [0, 1, 2]
    assert rows["outcome"][PLOT] == "error"
    assert rows["error"][PLOT].startswith(error)
    assert (rows["outcome"].drop(PLOT) != "error").all()


@pytest.mark.parametrize("function", ["exiting_when_built", "exiting"])
def test_code_that_always_ends_the_program_is_one_line(function: str, folder: Path) -> None:
    recipe = recipe_with(folder, function)
    line = r"^attack 'mine': expected code that lets the program go on, got SystemExit: 0; let it"
    for arguments in (["validate", recipe, "--run-code"], ["benchmark", recipe, "--store"]):
        store = [folder / "store.sqlite"] if arguments[-1] == "--store" else []
        with pytest.raises(CommandRefusedError, match=line):
            command(*arguments, *store)


def test_a_file_that_ends_the_program_when_it_is_imported(folder: Path) -> None:
    (folder / "attacks.py").write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(CommandRefusedError, match=r"can be imported, got .*SystemExit: 0"):
        command("benchmark", recipe_with(folder, "any"), "--store", folder / "store.sqlite")


def test_a_measurement_does_not_end_without_a_word(folder: Path) -> None:
    line = r"^expected code that lets the program go on, got SystemExit: 0"
    with pytest.raises(CommandRefusedError, match=line):
        command("overhead", recipe_with(folder, "exiting_late"))


def test_an_interrupt_of_the_users_still_interrupts(folder: Path) -> None:
    store = Store(folder / "store.sqlite")
    running = Benchmark(read_recipe(recipe_with(folder, "interrupting")), store)
    with pytest.raises(KeyboardInterrupt):
        running.run()
    assert list(rows_of(store).index) == [0], "the rows before the interrupt are kept"


def test_a_data_set_and_a_message_that_exit_are_error_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Message(Exception):
        def __str__(self) -> str:
            sys.exit(0)

    assert error_row(0, ["text"], 0, Message()).error == "Message: its message raised UserCodeError"
    store = Store(folder / "store.sqlite")
    running = Benchmark(read_recipe(recipe_with(folder, "deleting")), store)
    original = type(running._worker.dataset).__getitem__

    def item(self: Any, position: int) -> Any:
        return sys.exit(3) if position == PLOT else original(self, position)

    monkeypatch.setattr(type(running._worker.dataset), "__getitem__", item)
    running.run()
    rows = rows_of(store)
    assert rows["outcome"][PLOT] == "error"
    assert "SystemExit: 3" in rows["error"][PLOT]
    assert (rows["outcome"].drop(PLOT) != "error").all()


@pytest.mark.parametrize(
    ("function", "line"),
    [
        ("exiting_when_built", r"attacks.py.exiting_when_built: expected an attack that .*Exit: 0"),
        ("exiting", "^expected code that lets the program go on, got SystemExit: 0"),
        ("own_late", "^expected code that lets the program go on, got Own: of mine"),
    ],
)
def test_textattack_does_not_end_without_a_word(function: str, line: str, folder: Path) -> None:
    attack = f"{folder}/attacks.py^{function}"
    data = f"{folder}/data.tsv^text,label"
    with pytest.raises(CommandRefusedError, match=line):
        textattack(
            *("attack", "--attack-from-file", attack, "--model", "attend-demo"),
            *("--dataset-from-file", data, "--num-examples", "3"),
        )


@pytest.mark.slow
def test_workers_of_a_cluster_make_error_rows_of_it(folder: Path) -> None:
    recipe = read_recipe(recipe_with(folder, "exiting_late"))
    store = Store(folder / "store.sqlite")
    with Cluster(recipe, workers=1) as cluster:
        assert Benchmark(recipe, store, cluster).run() == 2 * len(TEXTS)
    rows = rows_of(store)
    assert list(rows["outcome"] == "error") == [False, True, False]
    assert rows["error"][PLOT].startswith(LATE["exiting_late"])


def test_an_attack_that_exits_does_not_end_a_real_benchmark(folder: Path) -> None:
    """The exit code was 0, and the rows of the example and of those after it were missing."""
    recipe, store = recipe_with(folder, "exiting_late"), folder / "store.sqlite"
    run = "from textattack_attend.commands.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", run, "benchmark", recipe, "--store", store],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    said = f"Error: 1 examples could not be attacked: {LATE['exiting_late']}"
    assert done.stderr.splitlines()[-1].startswith(said)
    assert len(rows_of(Store(store))) == len(TEXTS)


# --- the boundary itself ---


def test_what_is_contained_and_what_passes() -> None:
    for passing in (ValueError("a"), KeyboardInterrupt(), UserCodeError("b")):
        with pytest.raises(type(passing)) as caught, contained():
            raise passing
        assert caught.value is passing
    for ending in (SystemExit(3), GeneratorExit(), BaseException("line\nbreak")):
        with pytest.raises(UserCodeError) as refused, contained():
            raise ending
        said = str(refused.value)
        assert "\n" not in said
        assert f"got {type(ending).__name__}" in said


def test_the_handler_of_a_signal_may_end_the_program() -> None:
    """A scheduler tells a program to terminate, and its handler calls sys.exit."""
    before = signal.signal(signal.SIGUSR1, lambda *_: sys.exit(7))
    try:
        with pytest.raises(SystemExit) as caught, contained():
            signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert caught.value.code == 7
