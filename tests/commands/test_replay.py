"""`textattack-attend replay`: on the structure's own model, on another one, and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from transformers import BertTokenizerFast

from textattack_attend.attack_recipes import HackAttendPlus
from textattack_attend.attacks.effects import pairs_by_effect
from textattack_attend.errors import StructureMismatchError
from textattack_attend.models.wrappers import AttentionModelWrapper, wrapper_for
from textattack_attend.structures import Structure

from ..conftest import random_texts, tiny_model
from ..helpers.processes import Ended, Running, attend

FILE = "found.safetensors"


class Made(NamedTuple):
    """A folder with the model `victim`, models beside it, and a file with a structure."""

    folder: Path
    wrapper: AttentionModelWrapper
    text: str
    structure: Structure


def saved(folder: Path, vocabulary: Path, name: str, **options: Any) -> None:
    tiny_model("bert", **options).save_pretrained(folder / name)
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder / name)


@pytest.fixture
def made(fresh: Callable[[], Path], vocabulary: Path) -> Made:
    folder = fresh()
    for seed in range(4):
        saved(folder, vocabulary, f"other-{seed}", labels=2, seed=100 + seed)
    wrapper = wrapper_for(str(folder / "victim"))
    attack = HackAttendPlus.build(wrapper, mask_fraction=0.4)
    for text in random_texts(12, seed=7):
        result = attack.attack(text, int(wrapper([text]).argmax()))
        if type(result).__name__ == "SuccessfulAttackResult":
            wrapper.victim.save_structure(folder / FILE, text, result.structure)
            return Made(folder, wrapper, text, result.structure)
    raise AssertionError("no attack succeeds")


def replay(*arguments: str, folder: Path) -> Ended:
    done = Running(attend, "replay", *arguments, folder=folder).ended()
    assert done.tracebacks == 0, done.error
    return done


def record(*arguments: str, folder: Path) -> dict[str, Any]:
    done = replay(*arguments, "--format", "json", folder=folder)
    assert done.code == 0, done.error
    found: dict[str, Any] = json.loads(done.output)
    return found


def test_it_flips_the_prediction_of_its_own_model(made: Made) -> None:
    done = replay(FILE, "--model", "victim", folder=made.folder)
    assert done.code == 0, done.error
    lines = done.output.splitlines()
    assert lines[0] == f"text:   {made.text}"
    assert lines[4:6] == ["made on this model", "the structure flips the prediction"]
    assert done.error.splitlines()[0] == "loading victim"
    clean = made.wrapper([made.text])[0].double().softmax(-1)
    masked = made.wrapper.victim.logits([made.text], [made.structure])[0].double().softmax(-1)
    for line, probabilities in zip(lines[1:3], (clean, masked), strict=True):
        number = int(probabilities.argmax())
        assert line.endswith(f" class {number} ({probabilities[number]:.1%})")


def test_another_model_is_a_transfer_that_flips_or_does_not(made: Made) -> None:
    outcomes = set()
    for name in (f"other-{seed}" for seed in range(4)):
        other = wrapper_for(str(made.folder / name))
        logits = other.victim.logits([made.text] * 2, [empty(other, made), made.structure])
        flips = len(set(logits.argmax(1).tolist())) == 2
        found = record(FILE, "--model", name, folder=made.folder)
        assert (found["transfer"], found["flips"]) == (True, flips)
        assert found["differing"] == ["weights"]
        label = int(logits[0].argmax())
        assert found["before"]["number"] == label
        pairs = pairs_by_effect(other.victim, made.text, made.structure, label)
        np.testing.assert_allclose(
            [row["effect"] for row in found["pairs"]], pairs["effect"], atol=1e-5
        )
        done = replay(FILE, "--model", name, folder=made.folder)
        assert "which differs in weights: this is a transfer" in done.output
        said = "the structure transfers: it flips the prediction of this model, too"
        assert (said in done.output) == flips
        assert ("the structure does not transfer" in done.output) != flips
        outcomes.add(flips)
    assert outcomes == {True, False}


def empty(wrapper: AttentionModelWrapper, made: Made) -> Structure:
    return wrapper.victim.empty_structure(made.text)


def test_another_text_of_the_same_length(made: Made) -> None:
    other = " ".join(["dull"] * len(made.text.split()))
    found = record(FILE, other, "--model", "victim", folder=made.folder)
    masked = made.wrapper.victim.logits([other], [made.structure])[0]
    assert found["text"] == other
    assert found["after"]["number"] == int(masked.argmax())
    assert found["transfer"] is False


def test_what_does_not_fit_is_refused_in_one_line(made: Made) -> None:
    for arguments, expected in (
        ((FILE, "a film", "--model", "victim"), "3 layers, 4 heads and 4 tokens"),
        ((FILE, "--model", "attend-demo"), "6 layers, 8 heads and "),
    ):
        done = replay(*arguments, folder=made.folder)
        assert done.code == 1
        (line,) = done.lines
        assert line.startswith(f"Error: {FILE}: expected a structure of {expected}")
        assert "got one of 3 layers, 4 heads and " in line
        assert "another model or to a text of another length" in line


def test_a_text_of_several_parts_is_refused_by_a_classifier(made: Made) -> None:
    parts = ("the film", "was it good", "good", "bad")
    made.wrapper.victim.save_structure(made.folder / FILE, parts, made.structure)
    done = replay(FILE, "--model", "victim", folder=made.folder)
    assert done.code == 1
    assert "expected one sentence in quotation marks, or the two of a pair" in done.lines[0]


def test_a_file_of_version_1_has_no_known_model(made: Made) -> None:
    units = load_file(made.folder / FILE)
    metadata = {
        "format": "textattack_attend.structure",
        "version": "1",
        "layers": "3",
        "heads": "4",
        "tokens": str(made.structure.shape.tokens),
        "text": json.dumps(made.text),
        "model": "0" * 16,
    }
    save_file(units, made.folder / "old", metadata=metadata)
    done = replay("old", "--model", "victim", folder=made.folder)
    assert done.code == 0, done.error
    assert "made on: unknown (a file of version 1 does not name its whole model)" in done.output
    assert "the structure flips the prediction" in done.output


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("missing", "--model", "victim"), "missing: cannot be read"),
        (("data.tsv", "--model", "victim"), "data.tsv: expected"),
        ((FILE,), "--model: expected the model that is to read the text"),
        ((FILE, "--model", "nothing"), "nothing: expected the folder of a checkpoint"),
        ((FILE, "a", "film", "--model", "victim"), "expected a sentence in quotation marks"),
    ],
)
def test_mistakes_end_in_one_line(arguments: tuple[str, ...], line: str, made: Made) -> None:
    done = replay(*arguments, folder=made.folder)
    assert done.code == 1
    (found,) = done.lines
    assert line in found


def test_python_says_the_same(made: Made) -> None:
    own = made.wrapper.victim.replay(made.folder / FILE)
    assert (own.flips, own.is_transfer, own.differing) == (True, False, ())
    torch.testing.assert_close(own.clean_logits, made.wrapper([made.text])[0])
    other = wrapper_for(str(made.folder / "other-0")).victim
    with pytest.raises(StructureMismatchError, match="found on another model"):
        other.replay(made.folder / FILE)
    words = " ".join(["dull"] * len(made.text.split()))
    assert made.wrapper.replay(made.folder / FILE, text=words).text == words
    moved = other.replay(made.folder / FILE, any_model=True)
    assert moved.is_transfer
    assert moved.differing == ("weights",)
    assert moved.found_on == made.wrapper.identity()
