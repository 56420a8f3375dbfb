"""Recipes of the benchmark, and the options in them: what is wrong is said before anything is run.

Looked up in public: that YAML reads 1e-3 as a text met users of PyYAML #173, yacs #46 and
LlamaFactory #4014; that a mistake in a run's settings is found after hours, or never, is why
`validate` exists at all (lm-evaluation-harness has the command, too).
"""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertForMultipleChoice, BertTokenizerFast

from textattack_attend.attack_recipes import (
    BERTAttackTransformers,
    HackAttendLiong2024,
    HackAttendPlus,
)
from textattack_attend.benchmark import Recipe, Results, Store, read_recipe
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import (
    AttentionModelWrapper,
    SmoothedModelWrapper,
    wrapper_for,
)
from textattack_attend.training.defenses import defense_of

from ..conftest import SPECIAL, WORDS, tiny_config, tiny_model
from .trial import Trial, command, table

RECIPE = """
data: data.tsv^text,label
victims:
  tiny: victim
attacks:
  HackAttend: {recipe: hackattend, options: {mask_fraction: 0.1}}
  deleting: attacks.py^deleting
"""
ATTACKS = """
from textattack import Attack
from textattack.constraints.pre_transformation import RepeatModification
from textattack.goal_functions import UntargetedClassification
from textattack.search_methods import GreedySearch
from textattack.transformations import WordDeletion

def deleting(wrapper, most: int = 3):
    goal = UntargetedClassification(wrapper)
    return Attack(goal, [RepeatModification()], WordDeletion(), GreedySearch())

def dying(wrapper):
    raise RuntimeError("cannot be built")

def nothing(wrapper):
    return None

def failing(wrapper):
    class Failing(type(wrapper)):
        def __call__(self, texts):
            raise RuntimeError("cannot be asked")
    return deleting(Failing(wrapper.model, wrapper.tokenizer))

constant = 3
"""
QUESTION = {"context": "the film", "question": "is", "a": "good", "b": "bad", "label": 0}
_folder = tempfile.TemporaryDirectory()


@functools.cache
def checkpoints() -> Path:
    """A folder with a classifier of two classes, a model that scores choices, and a damaged one."""
    folder = Path(_folder.name)
    (folder / "vocab.txt").write_text("\n".join([*SPECIAL, *WORDS]), encoding="utf-8")
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"))
    models = {"victim": tiny_model(labels=2), "chooser": BertForMultipleChoice(tiny_config("bert"))}
    for name, model in models.items():
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    (folder / "damaged").mkdir()
    (folder / "damaged" / "config.json").write_text("{")
    return folder


def wrapper() -> AttentionModelWrapper:
    return wrapper_for(str(checkpoints() / "victim"))


def recipe_of(text: str) -> Callable[[Path], Recipe]:
    """Reads a recipe file with that text."""

    def run(folder: Path) -> Recipe:
        path = folder / "recipe.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        return read_recipe(path)

    return run


def changed(*changes: tuple[str, str]) -> str:
    """The recipe with replacements; each must be there."""
    text = RECIPE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    """A folder with all that the recipe names, and the recipe."""
    for name in ("victim", "chooser", "damaged"):
        (folder / name).symlink_to(checkpoints() / name)
    texts = ["a good film", "the plot was dull", "never a weak scene"]
    rows = "".join(f"{text}\t{n % 2}\n" for n, text in enumerate(texts))
    (folder / "data.tsv").write_text("text\tlabel\n" + rows)
    (folder / "three.tsv").write_text("text\tlabel\na good film\t0\na weak plot\t2\n")
    (folder / "empty.tsv").write_text("text\tlabel\n\t0\n")
    (folder / "questions.jsonl").write_text(json.dumps(QUESTION) + "\n")
    (folder / "attacks.py").write_text(ATTACKS)
    (folder / "broken.py").write_text("def deleting(:\n")
    path = folder / "recipe.yaml"
    path.write_text(changed(*changes))
    return path


def validated(*changes: tuple[str, str]) -> Callable[[Path], str]:
    """What `validate` says of a recipe whose code it may run, as `benchmark` does; see below."""

    def run(folder: Path) -> str:
        return command("validate", written(folder, *changes), "--run-code").splitlines()[-1]

    return run


def options(said: str) -> tuple[str, str]:
    """The change that gives HackAttend these options."""
    return ("{mask_fraction: 0.1}", said)


def built(recipe: Any, **given: Any) -> Callable[[Path], Any]:
    """Builds an attack in Python; its class is the answer."""
    return lambda folder: type(recipe.build(wrapper(), **given)).__name__


def defense(name: str, **given: Any) -> Callable[[Path], Any]:
    return lambda folder: type(defense_of(name, **given)).__name__


YAML_FLOAT = "PyYAML #173, yacs #46, LlamaFactory #4014"
KEYS = (
    "data, victims, attacks, examples, queries, seconds, max_tokens, seeds, label_names, "
    "encoder, trust_remote_code, published"
)
QUESTIONS = ("data.tsv^text,label", "questions.jsonl^context,question,a,b,label")

FILES = [
    Trial("an empty file", recipe_of(""), line=rf"keys {KEYS}, got an empty file"),
    Trial("comments alone", recipe_of("# later\n\n"), line="got an empty file"),
    Trial("a list", recipe_of("- a\n"), line=r"expected a recipe .*, got the list \['a'\]"),
    Trial(
        "a text", recipe_of("hackattend"), line="expected a recipe .*, got the text 'hackattend'"
    ),
    Trial("two documents", recipe_of(f"{RECIPE}---\n{RECIPE}"), line="but found another document"),
    Trial("a tab", recipe_of("a:\n\tb: c"), line="line 2, column 1: .*with spaces, not with tabs"),
    Trial("a bracket that is left open", recipe_of("data: ["), line="line 1, .*expected YAML"),
    Trial(
        "a thing that only Python has",
        recipe_of("!!python/none 1"),
        line="line 1, column 1: expected a text, .*, got '1', which YAML reads as !!python/none",
    ),
    Trial("a date that is none", recipe_of("data: 2024-13-01"), line="column 7: .*!!timestamp"),
    Trial("a number that is none", recipe_of("data: !!int many"), line="whole number.*'many'"),
    Trial("a list that is too deep", recipe_of("[" * 9999), line="expected at most 16 levels"),
    Trial(
        "a byte that is no text", recipe_of("data: \ud83d"), line="line 1: expected text in UTF-8"
    ),
    Trial("a control character", recipe_of("data: \x01"), line="expected YAML.*#x0001"),
    Trial(
        "a mapping that is merged into itself",
        recipe_of("data: &d {<<: *d}"),
        line=r"line 1, column 15: expected an alias of what .*, got \*d inside what it stands for",
    ),
    Trial("no file", lambda folder: read_recipe(folder / "none.yaml"), line="cannot be read"),
    Trial("a folder", lambda folder: read_recipe(folder), line="a regular file, got a folder"),
    Trial("a name that is misspelt", lambda folder: command("validate", "qick"), line="'quick'"),
]
KEY_MISTAKES = [
    Trial(
        "a key that is misspelt",
        recipe_of(RECIPE + "example: 3\n"),
        line=rf"expected one of the keys {KEYS}, got 'example'; did you mean 'examples'\?$",
    ),
    Trial(
        "two mistakes at once",
        recipe_of(changed(("victims:", "victim:"))),
        line=r"2 mistakes: \(1\) expected the key 'victims', got none; \(2\) .* did you mean 'vic",
    ),
    Trial(
        "a key that is misspelt in an attack",
        recipe_of(changed(("options:", "option:"))),
        line="attack 'HackAttend': expected one of the keys recipe, options, source, on, got",
    ),
    Trial(
        "options that are no mapping",
        recipe_of(changed(options("0.1"))),
        line="attack 'HackAttend': options: expected a mapping, got 0.1",
    ),
    Trial(
        "an option that JSON does not have",
        recipe_of(changed(options("{seed: 2024-01-01}"))),
        line="line 6, column .*: expected a text, a number, .*got .2024-01-01., .* !!timestamp",
    ),
    Trial(
        "options that contain themselves",
        recipe_of(changed(options("&o {seed: *o}"))),
        line=r"line 6, column .*: expected an alias of what stands before it, got \*o inside",
    ),
    Trial(
        "a key that is given twice",
        recipe_of(RECIPE + "  deleting: hackattend\n"),
        line="line 8, column 3: expected each key once, got 'deleting' twice",
    ),
    Trial(
        "a merge key with an override",
        lambda folder: recipe_of(
            changed(
                ("HackAttend: {", "one: &one {"),
                ("  deleting: attacks.py^deleting", "  two: {<<: *one, recipe: hackattend-plus}"),
            )
        )(folder).model_dump()["attacks"]["two"],
        answer={"recipe": "hackattend-plus", "options": {"mask_fraction": 0.1}},
    ),
    Trial(
        "one attack under two labels",
        lambda folder: list(
            recipe_of(changed(("attacks.py^deleting", "hackattend")))(folder).attacks
        ),
        answer=["HackAttend", "deleting"],
    ),
]
LABELS = [
    Trial(name, recipe_of(changed(("tiny:", label))), line=line)
    for name, label, line in (
        (
            "a label that is yes",
            "yes:",
            "column 3: expected a text as label.*'yes', .* !!bool; put",
        ),
        ("a label that is a number", "1.0:", "expected a text as label or key, got '1.0', which"),
        ("a label that is a date", "2024-01-01:", "expected a text as label .*'2024-01-01', wh"),
        ("a label that is nothing", "~:", "expected a text as label or key, got '~', which YAML"),
        ("an empty label", '"":', "a label: expected a text that is not empty"),
        ("a label of spaces", '"  ":', "a label: expected a text that is not empty"),
        ("a label of two lines", r'"a\nb":', r"without line breaks .*, got 'a\\nb'"),
        ("a label with a control character", r'"a\x07":', "without line breaks and control char"),
        ("a label that is half a letter", r'"\ud83d":', "without line breaks and control char"),
    )
] + [
    Trial(
        "labels of any script",
        lambda folder: list(
            recipe_of(changed(("tiny:", '"50% $$ & 中文 👩\u200d💻":')))(folder).victims
        ),
        answer=["50% $$ & 中文 👩\u200d💻"],
    ),
    Trial(
        "a checkpoint that is a number",
        recipe_of(changed(("tiny: victim", "tiny: 3"))),
        line="victim 'tiny': expected a text, got 3; put it into quotation marks",
    ),
    Trial(
        "a victim that is listed twice",
        recipe_of(changed(("tiny: victim", "tiny: [victim, other, victim]"))),
        line="victim 'tiny': expected each one once, got 'victim' twice",
    ),
    Trial(
        "a path that is too long",
        recipe_of(changed(("data.tsv", "x" * 5000))),
        line="data: expected at most 4096 letters, got 'x{60}' and 4951 more letters",
    ),
    Trial(
        "a variable that the environment lacks",
        recipe_of(changed(("data.tsv", "$NO_SUCH_A/${NO_SUCH_B}"))),
        line="expected the environment variables NO_SUCH_A, NO_SUCH_B that it names",
    ),
    Trial(
        "a variable in a comment behind a value",
        lambda folder: recipe_of(RECIPE + "examples: 3 # or $NO_SUCH_A\n")(folder).examples,
        answer=3,
    ),
]
NUMBERS = [
    Trial(f"{key}: {value}", recipe_of(f"{RECIPE}{key}: {value}\n"), line=line)
    for key, value, line in (
        ("examples", "0", "examples: expected at least 1, got 0"),
        ("examples", "true", "examples: expected a whole number, got True"),
        ("examples", "2.5", "examples: expected a whole number, got 2.5"),
        ("examples", "'3'", "examples: expected a whole number, got the text '3'; write 3, wit"),
        ("queries", "-1", "queries: expected at least 1, got -1"),
        ("max_tokens", "7", "max_tokens: expected at least 8, got 7"),
        ("seconds", "0", "seconds: expected more than 0, got 0"),
        ("seconds", "yes", "seconds: expected a number, got True"),
        ("seconds", ".inf", "line 8, .*: expected a finite number in decimal digits, got '.inf'"),
        ("seconds", "1e-3", "seconds: expected a number, got the text '1e-3'; write 1.0e-3 or 0."),
        ("seeds", "-1", "seeds: expected at least 0, got -1"),
        ("seeds", "4294967296", "seeds: expected at most 4294967295, got 4294967296"),
        ("seeds", "[]", "seeds: expected at least one, got the list"),
        ("seeds", "[1, 2, 1]", "seeds: expected each one once, got 1 twice"),
        ("seeds", "[1, true]", "seeds: expected a whole number, got True"),
    )
]
FOUND_BY_REHEARSAL = [
    Trial("a good recipe", validated(), answer="6 attacks in all"),
    Trial(
        "an option that is misspelt",
        validated(options("{mask_fractoin: 0.1, sed: 3}")),
        line=r"^attack 'HackAttend': hackattend: expected options that it has \(mask_fraction, .*"
        "got 'mask_fractoin'; did you mean 'mask_fraction'.*, 'sed'; did you mean 'seed'",
    ),
    Trial(
        "an option that an ablation sets itself",
        validated(
            ("{recipe: hackattend,", "{recipe: hackattend-half-scale,"), options("{max_heads: 3}")
        ),
        line="hackattend-half-scale: expected options that it has .*, got 'max_heads'",
    ),
    Trial(
        "an option of a recipe that has none",
        validated(("{recipe: hackattend,", "{recipe: textfooler,"), options("{seed: 3}")),
        line=r"textfooler: expected options that it has \(none\), got 'seed'",
    ),
    *(
        Trial(f"{said} of an attack", validated(options(f"{{{said}}}")), line=line, reported=report)
        for said, line, report in (
            (
                "mask_fraction: 1e-3",
                r"^attack 'HackAttend': mask_fraction: expected a number, got the text '1e-3'; "
                r"write 1.0e-3 or 0.001$",
                YAML_FLOAT,
            ),
            ("mask_fraction: 7", r"mask_fraction: expected a share in \(0, 1\], got 7; 1% of", ""),
            ("mask_fraction: true", "mask_fraction: expected a number, got True", ""),
            ("mask_fraction: .nan", "expected a finite number in decimal digits, got '.nan'", ""),
            ("mask_fraction: ~", "mask_fraction: expected a number, got None", ""),
            ("max_layers: 2.5", "max_layers: expected a whole number, got 2.5", ""),
            ("seed: x", "seed: expected a whole number, got the text 'x'", ""),
            ("accumulate: 'no'", "accumulate: expected true or false, got the text 'no'", ""),
            ("ranking: first-order", "ranking: expected one of .*; did you mean 'first_order'", ""),
            ("ranking: [random]", r"ranking: expected one of .*, got the list \['random'\]", ""),
            (
                "target_class: 5",
                "target_class 5: expected one of the model's 2 classes, 0 to 1",
                "",
            ),
            ("target_class: true", "target_class: expected a whole number, got True", ""),
            ("precision: fp16", "precision: expected one of float32, .*, got 'fp16'", ""),
        )
    ),
    Trial(
        "three options that are wrong",
        validated(options("{max_layers: 2.5, precision: fp16, seed: x, mask_fraction: 0.1}")),
        line=r"^3 mistakes: \(1\) attack 'HackAttend': precision: .*; "
        r"\(2\) attack 'HackAttend': max_layers: .*; \(3\) attack 'HackAttend': seed: ",
    ),
    Trial(
        "an encoder of TextFooler that is missing",
        validated(
            ("{recipe: hackattend,", "{recipe: textfooler-transformers,"),
            options("{encoder: no/such}"),
        ),
        line="^attack 'HackAttend': no/such: expected the folder of a checkpoint",
    ),
    Trial(
        "rounds: 0",
        validated(("{recipe: hackattend,", "{recipe: hackattend-plus,"), options("{rounds: 0}")),
        line="attack 'HackAttend': rounds: expected at least 1, got 0",
    ),
    Trial(
        "an encoder that is missing",
        validated(
            ("{recipe: hackattend,", "{recipe: bert-attack-transformers,"),
            options("{encoder: no/such, masked_language_model: victim}"),
        ),
        line="^attack 'HackAttend': (no/such|victim): expected the folder of a checkpoint",
    ),
    Trial(
        "a sentence encoder that is missing",
        validated(("data: data", "encoder: no/such\ndata: data")),
        line="^no/such: expected the folder of a checkpoint",
    ),
    Trial(
        "questions for a classifier",
        validated(QUESTIONS),
        line="^victim 'tiny': example 0 of the dataset: a text with 4 columns: expected one, ",
    ),
    Trial(
        "sentences for a model that scores choices",
        validated(("tiny: victim", "tiny: chooser")),
        line="^victim 'tiny': example 0 of the dataset: a question with 0 choices",
    ),
    Trial(
        "questions for a model that scores choices",
        validated(QUESTIONS, ("tiny: victim", "tiny: chooser")),
        answer="2 attacks in all",
    ),
    Trial(
        "a label that the victim does not have",
        validated(("data.tsv", "three.tsv")),
        line="^victim 'tiny': example 1 of the dataset: label 2: expected one of the model's 2",
    ),
    Trial(
        "a label outside, behind the examples that are asked for",
        validated(("data: data.tsv", "examples: 1\ndata: three.tsv")),
        answer="2 attacks in all",
    ),
    Trial("texts that are empty", validated(("data.tsv", "empty.tsv")), line="empty text ''"),
    Trial(
        "a victim that is missing beside a good one",
        validated(("tiny: victim", "tiny: victim\n  gone: no/such"), options("{mask_fraction: 7}")),
        line=r"^2 mistakes: \(1\) attack 'HackAttend' on 'tiny': mask_fraction: .*; "
        r"\(2\) victim 'gone': no/such: expected the folder of a checkpoint",
    ),
    Trial(
        "a victim that is damaged",
        validated(("tiny: victim", "tiny: damaged")),
        line="^victim 'tiny': .*damaged: expected the folder of a checkpoint",
    ),
    Trial(
        "data and an attack that are missing",
        validated(("data.tsv", "gone.tsv"), ("^deleting", "^deletin")),
        line=r"^2 mistakes: \(1\) .*gone.tsv: cannot be read .*; "
        r"\(2\) attack 'deleting': .*attacks.py: expected a function 'deletin'",
    ),
    Trial(
        "an attack that cannot be built",
        validated(("^deleting", "^dying")),
        line="^attack 'deleting': RuntimeError: cannot be built$",
    ),
    Trial(
        "an attack that is none",
        validated(("^deleting", "^nothing")),
        line="^attack 'deleting': .*nothing: expected a function that returns an Attack of TextAtt",
    ),
    Trial(
        "an attack that fails on every example",
        validated(("^deleting", "^failing")),
        line="^attack 'deleting': RuntimeError: cannot be asked$",
    ),
    Trial(
        "an attack that is no function",
        validated(("^deleting", "^constant")),
        line="attacks.py: expected 'constant' to be a function of a model's wrapper, got 3",
    ),
    Trial(
        "a file of attacks that is no Python",
        validated(("attacks.py^", "broken.py^")),
        line="broken.py: expected a Python file that can be imported, got SyntaxError",
    ),
]
IN_PYTHON = [
    Trial(
        "a share that is a text",
        built(HackAttendLiong2024, mask_fraction="0.1"),
        line="mask_fraction: expected a number, got the text '0.1'; write 0.1, without quotation",
    ),
    Trial(
        "a share that NumPy computed",
        lambda folder: built(HackAttendLiong2024, mask_fraction=yaml_float())(folder),
        answer="StructureAttack",
    ),
    Trial(
        "half a round", built(HackAttendPlus, rounds=1.5), line="rounds: expected a whole number"
    ),
    Trial(
        "a decay of 1", built(HackAttendPlus, decay=1), line=r"decay: expected a share in \[0, 1\)"
    ),
    Trial("prune: 1", built(HackAttendPlus, prune=1), line="prune: expected true or false, got 1"),
    Trial(
        "candidates that are none",
        built(BERTAttackTransformers, candidates=0),
        line="candidates: expected at least 1, got 0",
    ),
    Trial(
        "passes that are a text",
        lambda folder: SmoothedModelWrapper(wrapper(), 0.1, passes="8"),  # type: ignore[arg-type]
        line="passes: expected a whole number, got the text '8'; write 8, without quotation marks",
    ),
    Trial("steps: true", defense("freelb", steps=True), line="steps: expected a whole number, got"),
    Trial("clean: 1", defense("creat", clean=1), line="clean: expected true or false, got 1"),
    Trial("examples: half", defense("ada", examples=0.5), line="examples: expected a whole number"),
    Trial("layers: -1", defense("s-attend", layers=(-1,)), line="layers: expected at least 0"),
    Trial(
        "a misspelt option", defense("s-attend", alhpa=1), line="no such option; did you mean 'alp"
    ),
    Trial("a misspelt defense", defense("s-atend"), line="defense: .*did you mean 's-attend'"),
]


def stored(recipe: str) -> Callable[[Path], Any]:
    """Results of a store in which an earlier version entered that recipe."""

    def run(folder: Path) -> Results:
        store = Store(folder / "s.sqlite")
        store.begin(recipe, "data", 1)
        return Results.of(store)

    return run


STORES = [
    Trial(
        "a recipe of a store that is refused today",
        stored('{"data": "d", "victims": {"V": ["v", "v"]}, "attacks": {"A": {"recipe": "a"}}}'),
        line=r"s.sqlite: the recipe of its run \w+ cannot be understood \(victim 'V': .*twice",
    ),
    Trial("a recipe of a store that is no JSON", stored("{"), line="the recipe of its run"),
]
TRIALS = [*STORES, *FILES, *KEY_MISTAKES, *LABELS, *NUMBERS, *FOUND_BY_REHEARSAL, *IN_PYTHON]


def yaml_float() -> Any:
    import numpy as np

    return np.float32(0.25)


@pytest.mark.trial
@table(TRIALS)
def test_trial(trial: Trial, tmp_path: Path) -> None:
    trial.check(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        [options("{mask_fraction: 7}"), ("tiny: victim", "tiny: victim\n  gone: no/such")],
        [("data.tsv", "gone.tsv"), ("^deleting", "^deletin")],
        [QUESTIONS],
    ],
)
def test_benchmark_refuses_what_validate_refuses_and_attacks_nothing(
    changes: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textattack_attend.errors import AttendError

    recipe = written(tmp_path, *changes)
    monkeypatch.setattr(Store, "add", lambda *_: pytest.fail("an example was attacked"))
    said = []
    for arguments in (["validate", recipe], ["benchmark", recipe, "--store", tmp_path / "s.db"]):
        with pytest.raises(AttendError) as caught:
            command(*arguments)
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert not Store(tmp_path / "s.db").runs()


def test_what_the_store_has_whole_is_not_rehearsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textattack_attend.benchmark.running import rehearsal

    recipe, tried = written(tmp_path), []
    original = rehearsal._Rehearsal._try

    def counting(self: Any, name: str, *arguments: Any) -> None:
        tried.append(name)
        original(self, name, *arguments)

    monkeypatch.setattr(rehearsal._Rehearsal, "_try", counting)
    for expected in (2, 0):
        tried.clear()
        command("benchmark", recipe, "--store", tmp_path / "s.db")
        assert len(tried) == expected


def test_a_checkpoint_of_another_configuration_is_rehearsed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """target_class 2 is a class of the first checkpoint and none of the second."""
    recipe = written(
        tmp_path, ("tiny: victim", "tiny: [larger, victim]"), options("{target_class: 2}")
    )
    tiny_model(labels=3).save_pretrained(tmp_path / "larger")
    BertTokenizerFast(str(checkpoints() / "vocab.txt")).save_pretrained(tmp_path / "larger")
    with pytest.raises(Exception, match="target_class 2: expected one of the model's 2 classes"):
        command("validate", recipe)


# What mutations put in place of any part of a recipe.
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
    st.binary(max_size=4),
    st.just([]),
    st.just({}),
    st.lists(st.one_of(st.integers(), st.text(max_size=3)), max_size=3),
    st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), st.none(), max_size=2),
)


def mutated(value: Any, data: st.DataObject) -> Any:
    """The value with one of its parts replaced, left out, or added."""
    if data.draw(st.integers(0, 3)) == 0:
        return data.draw(ODD)
    if isinstance(value, dict) and value:
        key = data.draw(st.sampled_from(list(value)))
        kept = {k: v for k, v in value.items() if k != key}
        where = data.draw(st.one_of(st.just(key), st.text(max_size=4), st.none(), st.integers()))
        return {**kept, where: mutated(value[key], data)}
    if isinstance(value, list) and value:
        return [mutated(value[0], data), *value]
    return data.draw(ODD)


def an_answer_or_one_line(text: str, folder: Path) -> None:
    line = ""
    try:
        recipe = recipe_of(text)(folder)
    except InvalidInputError as error:
        line = str(error)
    else:
        assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    assert "\n" not in line


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_mutated_recipe_is_read_or_refused_in_one_line(data: st.DataObject) -> None:
    whole = yaml.safe_load(RECIPE) | {
        "seeds": [1, 2],
        "published": {"source": "a", "rows": [{"b": 1}]},
    }
    text = yaml.safe_dump(mutated(whole, data), allow_unicode=True)
    with tempfile.TemporaryDirectory() as folder:
        an_answer_or_one_line(text, Path(folder))


@given(
    text=st.text(st.one_of(st.sampled_from("\n -:[]{}&*!|>'\"%@`#?,$<~=\t\\0ae"), st.characters()))
)
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        an_answer_or_one_line(text, Path(folder))
