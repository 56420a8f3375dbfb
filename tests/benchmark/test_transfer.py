"""Transfer: an attack searches on one victim, and every victim is scored on what it found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from textattack.datasets import Dataset
from transformers import BertTokenizerFast

from textattack_attend.benchmark import Recipe, Store, comparison
from textattack_attend.benchmark.metrics import METRICS
from textattack_attend.benchmark.pairing import between_victims
from textattack_attend.benchmark.row import Row
from textattack_attend.benchmark.running import Benchmark
from textattack_attend.benchmark.running.transfer import scored, scores
from textattack_attend.benchmark.tables import side_by_side
from textattack_attend.commands.main import main
from textattack_attend.errors import InvalidInputError, StructureMismatchError
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.structures import Structure, decode, encode

from ..conftest import HEADS, random_texts, tiny_model

EXAMPLES = 14
WORDS = """
from textattack import Attack
from textattack.constraints.pre_transformation import RepeatModification
from textattack.goal_functions import UntargetedClassification
from textattack.search_methods import GreedySearch
from textattack.transformations import WordDeletion

def deleting(wrapper):
    goal = UntargetedClassification(wrapper)
    return Attack(goal, [RepeatModification()], WordDeletion(), GreedySearch())
"""
SEARCHED = {"recipe": "hackattend", "options": {"mask_fraction": 0.1}}


def save(folder: Path, name: str, vocabulary: Path, seed: int | None) -> str:
    tiny_model("bert", labels=2, seed=seed).save_pretrained(folder / name)
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder / name)
    return str(folder / name)


@pytest.fixture
def folder(tmp_path: Path, vocabulary: Path) -> Path:
    base = save(tmp_path, "base", vocabulary, seed=None)
    save(tmp_path, "other", vocabulary, seed=5)
    texts = random_texts(EXAMPLES, seed=4)
    labels = wrapper_for(base)(texts).argmax(1).tolist()
    labels[2] = 1 - labels[2]  # the source skips it
    lines = [f"{text}\t{label}" for text, label in zip(texts, labels, strict=True)]
    (tmp_path / "data.tsv").write_text("text\tlabel\n" + "\n".join(lines) + "\n")
    (tmp_path / "words.py").write_text(WORDS)
    return tmp_path


def recipe_of(folder: Path, attacks: dict[str, Any], **victims: str) -> Recipe:
    named = {name: str(folder / name) for name in ("base", "other")}
    fields: dict[str, Any] = {"victims": named | victims, "attacks": attacks}
    return Recipe(data=f"{folder}/data.tsv^text,label", **fields)


def transferred(folder: Path, attack: dict[str, Any]) -> pd.DataFrame:
    """The rows of an attack both ways."""
    attacks = {"adaptive": attack, "transfer": {**attack, "source": "base"}}
    benchmark = Benchmark(recipe_of(folder, attacks), folder / "store.sqlite")
    benchmark.run()
    return benchmark.results().rows


@pytest.mark.parametrize("kind", ["words", "structures"])
def test_every_victim_is_scored_on_what_was_found_on_the_source(kind: str, folder: Path) -> None:
    attack = {"recipe": f"{folder}/words.py^deleting"} if kind == "words" else SEARCHED
    rows = transferred(folder, attack)
    of = {names: own.set_index("position") for names, own in rows.groupby(["attack", "victim"])}
    found = of["adaptive", "base"]
    assert {"succeeded", "failed", "skipped"} >= set(found["outcome"]) >= {"succeeded", "skipped"}
    # The source itself is scored as it was attacked.
    own = of["transfer (found on base)", "base"]
    assert own["outcome"].tolist() == found["outcome"].tolist()
    for column in ("before", "after", "label", "text", "perturbed"):
        assert own[column].tolist() == found[column].tolist()
    # Any other victim answers to the same texts and structures by itself.
    other, victim = (
        of["transfer (found on base)", "other"],
        wrapper_for(str(folder / "other")).victim,
    )
    for position, row in other.iterrows():
        masked = found["masked"][position]
        structures = [decode(masked)] if isinstance(masked, str) else None
        text = found["perturbed"][position]
        assert row["perturbed"] == text
        assert row["after"] == int(victim.logits([text], structures)[0].argmax())
        assert row["before"] == int(victim.logits([row["text"]])[0].argmax())
        expected = {
            (True, True): "failed",
            (True, False): "succeeded",
            (False, False): "skipped",
            (False, True): "corrected",
        }[row["before"] == row["label"], row["after"] == row["label"]]
        assert row["outcome"] == expected


def test_corrected_examples_count_as_right_afterwards_and_wrong_before(folder: Path) -> None:
    """By hand: of four examples two are right before, and two afterwards."""
    rows = pd.DataFrame({"outcome": ["failed", "succeeded", "skipped", "corrected"]})
    shares = {name: METRICS[name].numerator(rows).sum() / len(rows) for name in ("clean", "robust")}
    assert shares == {"clean": 0.5, "robust": 0.5}
    wrapper = wrapper_for(str(folder / "base"))
    texts = random_texts(20, seed=7)
    answers = wrapper(texts).argmax(1).tolist()
    text, changed = (texts[answers.index(answer)] for answer in (0, 1))
    found = Row(0, "failed", 1, 0.0, text, perturbed=changed)
    assert scored(wrapper, {"text": text}, 1, found).outcome == "corrected"
    assert scored(wrapper, {"text": text}, 0, found).outcome == "succeeded"


def test_every_table_names_the_source(folder: Path) -> None:
    attacks = {"HackAttend": SEARCHED, "HackAttend again": {**SEARCHED, "source": "base"}}
    benchmark = Benchmark(recipe_of(folder, attacks), folder / "store.sqlite")
    benchmark.run()
    results = benchmark.results()
    name = "HackAttend again (found on base)"
    assert name in set(comparison(results)["attack"])
    assert name in side_by_side(results, "robust")
    assert name in set(between_victims(results, "base", "other")["attack"])
    # Reading the recipe again does not name the source twice.
    assert list(results.recipes[0].attacks) == ["HackAttend", name]
    done = CliRunner().invoke(main, ["results", "--store", benchmark.store.path])
    assert name in done.output


def test_the_source_is_attacked_once_and_shares_its_rows(folder: Path) -> None:
    recipe = recipe_of(folder, {"HackAttend": {**SEARCHED, "source": "base"}})
    store = folder / "store.sqlite"
    benchmark = Benchmark(recipe, store)
    assert benchmark.run() == 3 * EXAMPLES  # the source's search, and the score of two victims
    assert benchmark.run() == 0
    adaptive = Benchmark(recipe_of(folder, {"HackAttend": SEARCHED}), store)
    assert adaptive.run() == EXAMPLES  # that of base is known


def test_an_interrupted_transfer_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_of(folder, {"HackAttend": {**SEARCHED, "source": "base"}})
    whole = Benchmark(recipe, folder / "whole.sqlite")
    whole.run()
    add, left = Store.add, [EXAMPLES + 5]

    def stopping(self: Store, cell: str, row: Row) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        add(self, cell, row)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "add", stopping)
        with pytest.raises(KeyboardInterrupt):
            Benchmark(recipe, folder / "store.sqlite").run()
    again = Benchmark(recipe, folder / "store.sqlite")
    assert again.run() == 2 * EXAMPLES - 5
    expected, found = (one.results().rows.drop(columns="seconds") for one in (whole, again))
    order = ["victim", "position"]
    pd.testing.assert_frame_equal(
        found.sort_values(order, ignore_index=True), expected.sort_values(order, ignore_index=True)
    )


def test_only_the_successes_on_the_source_count_where_that_is_asked_for(folder: Path) -> None:
    attack = {**SEARCHED, "source": "base"}
    attacks = {"all": attack, "some": {**attack, "on": "successes"}}
    benchmark = Benchmark(recipe_of(folder, attacks), folder / "store.sqlite")
    benchmark.run()
    results = benchmark.results()
    rows = results.rows.set_index(["attack", "victim"])
    source = rows.loc[("all (found on base)", "base")]
    successes = set(source[source["outcome"] == "succeeded"]["position"])
    for victim in ("base", "other"):
        counted = rows.loc[("some (successes on base)", victim)]
        assert set(counted["position"]) == successes
    assert len(rows) == results.expected == 2 * EXAMPLES + 2 * len(successes)


def test_victims_that_structures_do_not_fit_are_left_empty(
    folder: Path, vocabulary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tiny_model("bert", labels=2)
    config = model.config.__class__(**{**model.config.to_dict(), "num_attention_heads": HEADS // 2})
    narrow = str(folder / "narrow")
    type(model)(config).save_pretrained(narrow)
    BertTokenizerFast(str(vocabulary)).save_pretrained(narrow)
    recipe = recipe_of(folder, {"HackAttend": {**SEARCHED, "source": "base"}}, narrow=narrow)
    benchmark = Benchmark(recipe, folder / "store.sqlite")
    benchmark.run()
    assert set(benchmark.results().rows["victim"]) == {"base", "other"}
    assert "HackAttend (found on base) on narrow: left empty (expected structures" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("attack", "line"),
    [
        (
            {"source": "bas"},
            "attack 'HackAttend (found on bas)': source: expected one of the victims base, other, "
            "got 'bas'; did you mean 'base'?",
        ),
        (
            {"source": "two"},
            "source: expected a victim of one checkpoint, got 'two' with 2; give one of them a "
            "label of its own",
        ),
        ({"on": "successes"}, "on: expected a source beside it, got on: successes alone"),
        ({"source": "base", "on": "failures"}, "on: "),
    ],
)
def test_a_source_that_is_refused(attack: dict[str, Any], line: str, folder: Path) -> None:
    fields: dict[str, Any] = {"data": "demo", "victims": {"base": "base", "other": "other"}}
    if attack.get("source") == "two":
        fields["victims"]["two"] = ["base", "other"]
    with pytest.raises(InvalidInputError) as refused:
        Recipe(**fields | {"attacks": {"HackAttend": {**SEARCHED, **attack}}})
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_texts_of_several_columns_are_split_again(folder: Path) -> None:
    wrapper = wrapper_for(str(folder / "base"))
    first, second, changed = random_texts(3, seed=9)
    columns = {"premise": first, "hypothesis": second}
    found = Row(0, "succeeded", 0, 0.0, f"{first}\n{second}", perturbed=f"{changed}\n{second}")
    row = scored(wrapper, columns, 0, found)
    assert row.after == int(wrapper.victim.logits([(changed, second)])[0].argmax())
    with pytest.raises(InvalidInputError, match="expected the 2 lines of its columns premise, hyp"):
        scored(wrapper, columns, 0, Row(0, "succeeded", 0, 0.0, "", perturbed=changed))


def test_another_number_of_tokens_is_an_error_of_the_example(folder: Path) -> None:
    wrapper = wrapper_for(str(folder / "base"))
    text, longer = "dull", "a very dull film"
    structure = wrapper.victim.empty_structure(longer)
    masked = encode(Structure.from_units(structure.shape, [(0, 0, 1, 2)]))
    found = Row(0, "succeeded", 0, 0.0, text, perturbed=text, masked=masked)
    with pytest.raises(StructureMismatchError):
        scored(wrapper, {"text": text}, 0, found)


# --- the command ---


def transfer(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["transfer", *arguments])


def test_a_text_that_cannot_be_read_is_an_error_of_its_example_alone(folder: Path) -> None:
    """Also where it is the first with a structure, by which shapes are compared."""
    wrapper = wrapper_for(folder / "other")
    masked = encode(Structure(wrapper.victim.empty_structure("good film").shape))
    found = {
        n: Row(n, "succeeded", 0, 1.0, "x", perturbed="good film", masked=masked) for n in range(2)
    }
    dataset = Dataset([("", 0), ("good film", 0)])
    errors: list[int] = []

    def error(position: int, raised: Exception) -> Row:
        errors.append(position)
        return Row(position, "error", None, 0.0, "", error=str(raised))

    rows = list(scores(wrapper, dataset, found, error))
    assert errors == [0]
    assert "empty text" in str(rows[0].error)
    assert rows[1].outcome in ("failed", "skipped", "succeeded", "corrected")


def test_the_command_scores_checkpoints_and_goes_on(folder: Path) -> None:
    base, other, store = (str(folder / name) for name in ("base", "other", "store.sqlite"))
    data = ("--data", f"{folder}/data.tsv^text,label", "--num-examples", "6", "--store", store)
    done = transfer(base, other, *data, "--recipe", "hackattend-plus", "--on", "successes")
    assert done.exit_code == 0, done.output
    assert "hackattend-plus (successes on base)" in done.stdout
    again = transfer(base, other, *data, "--on", "successes")
    assert again.stdout == done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("attend-demo", "--data", "attend-demo"), 2, "Missing argument 'VICTIM...'"),
        (
            ("attend-demo", "attend-demo", "--data", "attend-demo"),
            1,
            "victims: expected different checkpoints, got 'attend-demo' twice",
        ),
        (("attend-demo", "nowhere/x", "--data", "attend-demo"), 1, "victim 'x': nowhere/x"),
        (
            ("attend-demo", "attend-demo2", "--data", "attend-demo", "--recipe", "hackatend"),
            1,
            "did you mean 'hackattend'",
        ),
    ],
)
def test_mistakes_of_the_command_are_one_line(
    arguments: tuple[str, ...], code: int, line: str, tmp_path: Path
) -> None:
    done = transfer(*arguments, "--store", str(tmp_path / "s.sqlite"))
    assert done.exit_code == code
    assert line in done.stderr
    assert not (tmp_path / "s.sqlite").exists()
