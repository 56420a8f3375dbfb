"""`textattack-attend attack SENTENCE`: what it prints, saves and draws, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
from click.testing import CliRunner
from transformers import BertForMultipleChoice, BertTokenizerFast

from textattack_attend.attack_recipes import ATTACKS, HackAttendLiong2024, HackAttendPlus
from textattack_attend.commands.main import main
from textattack_attend.commands.recipe_options import recipe_options
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.structures import load

from ..conftest import tiny_config
from ..helpers.processes import Ended, Running, attend

SENTENCE = "the acting is superb but the plot never comes alive"
DEMO = ("--model", "attend-demo")
PLUS = ("--recipe", "hackattend-plus")
WITHOUT_HEAVY = """
import sys
class Refusing:
    def find_spec(self, name, *_):
        if name in ("torch", "textattack", "transformers", "matplotlib"):
            raise SystemExit(f"imports {name}")
sys.meta_path.insert(0, Refusing())
from textattack_attend.commands.main import main
main(sys.argv[1:])
"""


def attack(*arguments: str, folder: Path) -> Ended:
    done = Running(attend, "attack", *arguments, folder=folder).ended()
    assert done.tracebacks == 0, done.error
    return done


def record(*arguments: str, folder: Path) -> dict[str, Any]:
    done = attack(*arguments, "--format", "json", folder=folder)
    assert done.code == 0, done.error
    found: dict[str, Any] = json.loads(done.output)
    return found


@pytest.fixture(scope="module")
def demo() -> Any:
    return wrapper_for(str(VICTIM_PATH))


def test_a_fresh_process_prints_a_success_from_first_to_last_line(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("textattack-attend")
    given = ("attack", SENTENCE, *DEMO, *PLUS, "--save", "s.safetensors", "--plot", "p.png")
    done = subprocess.run(
        [str(command), *given], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "loading attend-demo\nloading the libraries\n"
    lines = done.stdout.splitlines()
    assert lines[0] == "before: negative (90.6%)"
    assert lines[1] == "after:  positive (54.6%)"
    assert lines[2].startswith("masked 3 attention units in 3 of 48 matrices (0.04% of all units)")
    assert [line.split("  ")[-1].strip() for line in lines[5:8]] == [
        "never -> plot",
        "never -> but",
        "superb -> but",
    ]
    assert lines[-1] == "  textattack-attend replay s.safetensors --model attend-demo"
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert len(load(tmp_path / "s.safetensors").structure) == 3


def test_every_number_is_that_of_the_attack_in_python(demo: Any, tmp_path: Path) -> None:
    found = record(SENTENCE, *DEMO, "--mask-fraction", "0.02", folder=tmp_path)
    result = HackAttendLiong2024.build(demo, mask_fraction=0.02).attack(SENTENCE, 0)
    assert found["outcome"] == "succeeded"
    assert found["label"] == {"number": 0, "name": "negative"}
    clean = demo([SENTENCE])[0].double().softmax(-1)
    masked = demo.victim.logits([SENTENCE], [result.structure])[0].double().softmax(-1)
    for moment, probabilities in (("before", clean), ("after", masked)):
        number = int(probabilities.argmax())
        assert found[moment]["number"] == number
        assert found[moment]["name"] == ("negative", "positive")[number]
        assert found[moment]["probability"] == pytest.approx(float(probabilities[number]), abs=1e-6)
    assert found["queries"] == result.num_queries
    assert found["units"] == len(result.structure)
    assert found["matrices"] == len(result.structure.matrices)
    pairs = result.pairs(demo)
    assert [row["effect"] for row in found["pairs"]] == pytest.approx(
        pairs["effect"].tolist(), abs=1e-5
    )
    assert [row["query"] for row in found["pairs"]] == pairs["query"].tolist()


def test_ten_pairs_are_printed_and_the_others_counted(tmp_path: Path) -> None:
    whole = record(SENTENCE, *DEMO, folder=tmp_path)
    done = attack(SENTENCE, *DEMO, folder=tmp_path)
    lines = done.output.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("effect "))
    shown = lines[start + 1 : start + 11]
    for line, row in zip(shown, whole["pairs"], strict=False):
        assert line.startswith(f"{row['effect']:+6.2f}  L{row['layer']} H{row['head']}")
        assert line.endswith(f"{row['query']} -> {row['key']}")
    left = len(whole["pairs"]) - 10
    assert lines[start + 11] == f"... and {left} more pairs; --format json has all"
    assert "add --save FILE.safetensors" in lines[-1]


@pytest.mark.parametrize("label", ["positive", "POSITIVE", "1"])
def test_a_label_that_is_not_predicted_is_misclassified_already(label: str, tmp_path: Path) -> None:
    done = attack(SENTENCE, *DEMO, "--label", label, folder=tmp_path)
    assert done.code == 0
    assert done.output == (
        "before: negative (90.6%); the label is positive, so the model misclassifies the sentence "
        "already, without an attack\n"
    )


def test_a_target_that_is_predicted_is_reached_already(tmp_path: Path) -> None:
    done = attack(SENTENCE, *DEMO, "--target-class", "0", folder=tmp_path)
    assert done.code == 0
    assert done.output == (
        "before: negative (90.6%); the goal is reached already, without an attack\n"
    )


def test_a_failure_says_what_to_try_and_keeps_nothing(tmp_path: Path) -> None:
    weak = ("--max-layers", "1", "--max-heads", "1", "--mask-fraction", "0.001")
    files = ("--save", "s.safetensors", "--plot", "p.svg")
    done = attack(SENTENCE, *DEMO, *weak, *files, folder=tmp_path)
    assert done.code == 0
    before, failed, kept, advice = done.output.splitlines()
    assert before == "before: negative (90.6%)"
    assert failed.startswith("failed: ")
    assert kept == "nothing is saved and drawn"
    assert advice == (
        "try --recipe hackattend-plus, which is stronger, or --mask-fraction 0.005, which is "
        "larger than 0.001"
    )
    assert not list(tmp_path.iterdir())
    assert record(SENTENCE, *DEMO, *weak, folder=tmp_path)["pairs"] == []


def test_a_pair_of_texts_and_classes_without_names(fresh: Callable[[], Path]) -> None:
    folder = fresh()
    texts = ("the film was never dull", "the plot is warm")
    given = ("--model", "victim", *PLUS, "--mask-fraction", "0.3")
    found = record(*texts, *given, folder=folder)
    wrapper = wrapper_for(str(folder / "victim"))
    number = int(wrapper([texts]).argmax())
    assert found["text"] == list(texts)
    assert found["label"] == {"number": number, "name": f"class {number}"}
    assert found["outcome"] in ("succeeded", "failed")


def test_a_question_with_its_choices(vocabulary: Path, tmp_path: Path) -> None:
    BertForMultipleChoice(tiny_config("bert")).save_pretrained(tmp_path / "chooser")
    BertTokenizerFast(str(vocabulary)).save_pretrained(tmp_path / "chooser")
    texts = ("the film was never dull", "was it good", "always good", "bad", "cold")
    given = ("--model", "chooser", *PLUS, "--mask-fraction", "0.4")
    found = record(*texts, *given, "--save", "s", folder=tmp_path)
    wrapper = wrapper_for(str(tmp_path / "chooser"))
    number = int(wrapper([texts]).argmax())
    assert found["label"] == {"number": number, "name": f"choice {number}"}
    assert found["outcome"] == "succeeded"
    done = Running(attend, "replay", "s", "--model", "chooser", folder=tmp_path).ended()
    assert done.code == 0, done.error
    assert "the structure flips the prediction" in done.output
    few = attack(*texts[:2], *given, folder=tmp_path)
    assert few.code == 1
    assert "expected a context, a question and at least two choices" in few.lines[0]


@pytest.mark.parametrize("sentence", ["- the plot never comes alive", "--never a dull moment"])
def test_a_sentence_that_begins_with_a_dash(sentence: str, tmp_path: Path) -> None:
    assert record(*DEMO, *PLUS, sentence, folder=tmp_path)["text"] == sentence


def test_classes_have_the_names_that_are_given(tmp_path: Path) -> None:
    names = ("--label-names", "bad,good", "--label", "bad")
    found = record(SENTENCE, *DEMO, *PLUS, *names, folder=tmp_path)
    assert (found["before"]["name"], found["after"]["name"]) == ("bad", "good")
    wrong = attack(SENTENCE, *DEMO, "--label-names", "bad,fair,good", folder=tmp_path)
    assert wrong.code == 1
    assert "label names: expected 2" in wrong.lines[0]


def test_the_effects_of_many_pairs_are_computed_for_the_most_promising(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("textattack_attend.commands.found.EFFECTS", 12)
    given = ["attack", SENTENCE, *DEMO, "--format"]
    done = [CliRunner().invoke(main, [*given, kind]) for kind in ("text", "json")]
    assert "(the effect was computed for the 12 most promising pairs)" in done[0].stdout
    pairs = json.loads(done[1].stdout)["pairs"]
    assert [pair["effect"] is None for pair in pairs] == [False] * 12 + [True] * (len(pairs) - 12)


def test_letters_that_act_on_a_terminal_are_escaped(tmp_path: Path) -> None:
    done = attack("a dull \x1b[31m film", *DEMO, *PLUS, folder=tmp_path)
    assert done.code == 0, done.error
    assert "\x1b" not in done.output + done.error


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((SENTENCE,), "--model: expected the victim of the attack, got none"),
        (("a", "fine", "film", *DEMO), "expected a sentence in quotation marks, got 3 words"),
        (
            (SENTENCE, *DEMO, "--num-examples", "3"),
            "--num-examples: expected no option of `textattack attack` beside a sentence",
        ),
        ((SENTENCE, *DEMO, "--data", "x"), "--data: expected no option of `textattack attack`"),
        (
            (SENTENCE, *DEMO, "--plot", "p.jpg"),
            "--plot: expected a file that ends in .png, .svg, .pdf, got p.jpg",
        ),
        ((), "expected a sentence to attack, in quotation marks and before the options, or"),
        (DEMO, "expected a sentence to attack, in quotation marks and before the options, or"),
        ((*DEMO, *PLUS, "--save", "s"), "--save: expected a sentence to attack, in quotation"),
        ((*DEMO, *PLUS, "--format", "json"), "--format: expected a sentence to attack"),
        ((SENTENCE, *DEMO, "--mask-fraction", "many"), "'many' is not a valid float"),
    ],
)
def test_mistakes_are_said_before_anything_heavy_is_imported(
    arguments: tuple[str, ...], line: str
) -> None:
    done = light("attack", *arguments)
    assert done.returncode in (1, 2)
    assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert "imports" not in done.stderr


def light(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a process that can import nothing that takes seconds."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_HEAVY, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_needs_nothing_heavy_and_ends_with_all_options_of_the_recipes() -> None:
    done = light("attack", "--help")
    assert done.returncode == 0, done.stderr
    for option in ("--label", "--save", "--mask-fraction", "--no-prune", "--help-textattack"):
        assert option in done.stdout


@pytest.mark.parametrize(
    "given", [("attack", SENTENCE, *DEMO), ("attack", SENTENCE, *DEMO, "--format", "json")]
)
def test_the_first_line_comes_before_anything_heavy(given: tuple[str, ...]) -> None:
    done = light(*given)
    first, *others = done.stderr.splitlines()
    assert first == "loading attend-demo"
    assert any("imports " in line for line in others)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--label", "neutral"), "--label: expected a class of the model (negative, positive)"),
        (("--label", "2"), "--label: expected a class of the model (negative, positive), or its"),
        (("--recipe", "hackatend"), "recipe: expected one of "),
        (("--recipe", "deepwordbug"), "--recipe deepwordbug: expected an attack on attention for"),
        (
            (*PLUS, "--max-layers", "3"),
            "hackattend-plus: expected options that it has (mask_fraction, rounds, decay, ",
        ),
        (("--ranking", "atention"), "did you mean 'attention'?"),
        (("--save", "missing/s.safetensors"), "missing/s.safetensors: cannot be written"),
    ],
)
def test_other_mistakes_end_in_one_line(
    arguments: tuple[str, ...], line: str, tmp_path: Path
) -> None:
    done = attack(SENTENCE, *DEMO, *arguments, folder=tmp_path)
    assert done.code == 1
    (found,) = done.lines
    assert line in found


def test_texts_that_no_classifier_reads(tmp_path: Path) -> None:
    three = attack("a fine film", "a dull film", "a film", *DEMO, folder=tmp_path)
    assert three.code == 1
    assert "expected one sentence in quotation marks, or the two of a pair" in three.lines[0]
    empty = attack(" ", *DEMO, folder=tmp_path)
    assert empty.code == 1
    assert "expected at least one token" in empty.lines[0]


def test_every_keyword_of_every_attack_is_an_option_of_its_type() -> None:
    """The options are read from the source; the functions themselves say what they take."""
    options = {option.name: option for option in recipe_options()}
    for name, recipe in ATTACKS.items():
        hints = get_type_hints(getattr(recipe.build, "__wrapped__", recipe.build))
        for keyword, parameter in list(signature(recipe.build).parameters.items())[1:]:
            option = options[keyword]
            kind = str(hints.get(keyword, parameter.annotation)).partition(" | ")[0]
            expected = {"float": "float", "int": "integer", "str": "text", "bool": "boolean"}
            word = kind.removeprefix("<class '").removesuffix("'>").strip("'")
            item = word.removeprefix("collections.abc.Sequence[").removesuffix("]")
            assert option.type.name == expected[item], (name, keyword)
            assert option.multiple == (item != word)
            assert option.help
            assert option.default is None


def test_the_default_of_an_option_is_shown() -> None:
    wrapped = CliRunner().invoke(main, ["attack", "--help"]).output
    shown = " ".join(wrapped.split()).replace("- ", "-")  # lines also break behind hyphens
    assert "hackattend, hackattend-plus: the share of a matrix's attackable units" in shown
    assert "hackattend-plus: the most rounds, in each of which the units are" in shown
    assert "chosen anew. [15]" in shown


def test_an_attack_in_a_file_attacks_a_sentence(demo: Any, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from textattack_attend.attack_recipes import HackAttendPlus\n"
        "def strong(wrapper):\n    return HackAttendPlus.build(wrapper, mask_fraction=0.005)\n"
    )
    found = record(SENTENCE, *DEMO, "--recipe", "own.py^strong", folder=tmp_path)
    result = HackAttendPlus.build(demo, mask_fraction=0.005).attack(SENTENCE, 0)
    np.testing.assert_array_equal(found["queries"], result.num_queries)
