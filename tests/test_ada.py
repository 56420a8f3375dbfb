"""Adversarial data augmentation: what is attacked, kept, gone on with, and refused."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from transformers import BertForMultipleChoice, BertTokenizerFast

from textattack_attend.defenses import ADA, Defense
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.published import Row

from .conftest import random_texts, tiny_config, tiny_model

ATTACK = '''
from textattack import Attack
from textattack.constraints.pre_transformation import RepeatModification
from textattack.goal_functions import UntargetedClassification
from textattack.search_methods import GreedySearch
from textattack.transformations import WordDeletion

attacked = []

def deleting(wrapper):
    """Deletes words until the class changes."""
    goal = UntargetedClassification(wrapper)
    attack = Attack(goal, [RepeatModification()], WordDeletion(), GreedySearch())
    return attack
'''


@pytest.fixture
def victim(tmp_path: Path, vocabulary: Path) -> str:
    folder = tmp_path / "victim"
    tiny_model("bert", labels=2).save_pretrained(folder)
    BertTokenizerFast(vocab_file=str(vocabulary)).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    (tmp_path / "attack.py").write_text(ATTACK)
    return f"{tmp_path / 'attack.py'}^deleting"


def rows_for(victim: str, count: int = 10) -> list[Row]:
    """Texts that the victim classifies as they are labelled."""
    texts = random_texts(count, seed=4)
    labels = wrapper_for(victim)(texts).argmax(1).tolist()
    return [((text,), label) for text, label in zip(texts, labels, strict=True)]


def test_successes_are_added_with_their_labels(victim: str, recipe: str, tmp_path: Path) -> None:
    rows = rows_for(victim)
    extra = ADA(victim, recipe).extra_rows(rows, tmp_path / "cache")
    assert extra
    by_label = dict(rows)
    found = wrapper_for(victim)([text for (text,), _ in extra]).argmax(1).tolist()
    for ((text,), label), fooled in zip(extra, found, strict=True):
        assert fooled != label
        origins = [o for (o,), own in by_label.items() if own == label]
        assert any(is_part_of(text.split(), origin.split()) for origin in origins)


def is_part_of(words: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(word in rest for word in words)


def test_an_interrupted_run_attacks_what_is_left(
    victim: str, recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_for(victim)
    expected = ADA(victim, recipe).extra_rows(rows, tmp_path / "whole")
    options, cache = ADA(victim, recipe), tmp_path / "cache"
    lines = (tmp_path / "whole").read_text().splitlines(keepends=True)
    cache.write_text("".join(lines[:5]) + lines[5][:9])  # the sixth line was cut off
    attacked: list[Any] = []

    def counting(self: Any, text: Any, label: Any) -> Any:
        attacked.append(text)
        return own(self, text, label)

    from textattack import Attack

    own = Attack.attack
    monkeypatch.setattr(Attack, "attack", counting)
    assert options.extra_rows(rows, cache) == expected
    assert len(attacked) == len(rows) - 4
    assert cache.read_text() == (tmp_path / "whole").read_text()
    assert options.extra_rows(rows, cache) == expected
    assert len(attacked) == len(rows) - 4


def test_a_named_cache_serves_other_runs(victim: str, recipe: str, tmp_path: Path) -> None:
    rows = rows_for(victim)
    options = ADA(victim, recipe, examples=4, cache=str(tmp_path / "kept"))
    options.extra_rows(rows, tmp_path / "other")
    assert len((tmp_path / "kept").read_text().splitlines()) == 5
    assert not (tmp_path / "other").exists()


def test_questions_keep_their_columns(recipe: str, tmp_path: Path, vocabulary: Path) -> None:
    folder, generator = tmp_path / "chooser", random.Random(0)
    BertForMultipleChoice(tiny_config("bert")).save_pretrained(folder)
    BertTokenizerFast(vocab_file=str(vocabulary)).save_pretrained(folder)
    texts = random_texts(8, seed=2)
    questions = [(generator.choice(texts), "is it", "good film", "bad", "dull") for _ in range(6)]
    labels = wrapper_for(str(folder))(questions).argmax(1).tolist()
    rows = list(zip(questions, labels, strict=True))
    extra = ADA(str(folder), recipe).extra_rows(rows, tmp_path / "cache")
    assert extra
    assert {len(parts) for parts, _ in extra} == {5}


def test_what_cannot_be_augmented(victim: str, recipe: str, tmp_path: Path) -> None:
    rows, cache = rows_for(victim, 4), tmp_path / "cache"
    with pytest.raises(InvalidInputError, match="victim: expected the model to attack"):
        ADA("", recipe).extra_rows(rows, cache)
    with pytest.raises(InvalidInputError, match=r"recipe: expected one of .*, got 'tf'"):
        ADA(victim, "tf").extra_rows(rows, tmp_path / "another")
    with pytest.raises(InvalidInputError, match="hackattend-plus' changes no text"):
        ADA(victim, "hackattend-plus").extra_rows(rows, tmp_path / "third")


def test_a_cache_of_another_run_is_refused(victim: str, recipe: str, tmp_path: Path) -> None:
    rows, cache = rows_for(victim, 4), tmp_path / "cache"
    ADA(victim, recipe).extra_rows(rows, cache)
    with pytest.raises(InvalidInputError, match="got one of another rows; delete it"):
        ADA(victim, recipe).extra_rows(rows[:2], cache)
    cache.write_text(json.dumps({"row": 1}) + "\nnonsense\n")
    with pytest.raises(InvalidInputError, match="delete it to begin anew"):
        ADA(victim, recipe).extra_rows(rows, cache)


def test_other_defenses_add_nothing(tmp_path: Path) -> None:
    assert Defense().extra_rows([(("a",), 0)], tmp_path / "cache") == []
