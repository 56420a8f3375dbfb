"""Modules of version 0.1 that have moved: programs, and pickled results, of users find them."""

from __future__ import annotations

import importlib
import pickle

import pytest

from textattack_attend import MOVED
from textattack_attend.attack_recipes import HackAttendPlus
from textattack_attend.models.wrappers import AttentionModelWrapper

from ..conftest import MakeVictim

DOCUMENTED = {
    "attack": ("StructureAttack",),
    "attack_results": ("SkippedAttackResult", "SuccessfulAttackResult"),
    "defenses": ("SAttend",),
    "fine_tuning": ("fine_tune",),
    "prompt": ("Prompt",),
    "published": ("sst2",),
    "tasks": ("TASKS",),
    "victim": ("Victim",),
}
"""The names that README, examples and recipes of version 0.1 import from former modules."""
OF_RESULTS = {
    b"textattack_attend.attacks.results": b"textattack_attend.attack_results",
    b"textattack_attend.attacks.goals.result": b"textattack_attend.goal_functions.result",
    b"textattack_attend.attacks.structured_text": b"textattack_attend.shared.structured_text",
}
"""The modules that a pickled result names, today and in version 0.1."""


def today(name: str) -> str:
    return f"textattack_attend.{MOVED[name]}"


@pytest.mark.parametrize("name", MOVED)
def test_a_former_name_gives_what_the_module_of_today_holds(name: str) -> None:
    former = importlib.import_module(f"textattack_attend.{name}")
    held = vars(importlib.import_module(today(name)))
    public = {key: value for key, value in held.items() if not key.startswith("__")}
    assert public
    assert {key: vars(former).get(key) for key in public} == public


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_names_are_those_of_today(name: str) -> None:
    former = importlib.import_module(f"textattack_attend.{name}")
    for attribute in DOCUMENTED[name]:
        expected = getattr(importlib.import_module(today(name)), attribute)
        assert getattr(former, attribute) is expected


def test_a_module_that_never_was_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        importlib.import_module("textattack_attend.no_such_module")


def test_a_result_pickled_by_the_former_names_loads(make_victim: MakeVictim) -> None:
    """TextAttack's checkpoints pickle the results, and these name the modules of their classes."""
    victim = make_victim()
    attack = HackAttendPlus.build(AttentionModelWrapper(victim.model, victim.tokenizer))
    result = attack.attack("the film was good", 0)
    pickled = pickle.dumps(result, protocol=2)  # names stand in it as lines
    for now, before in OF_RESULTS.items():
        assert b"c" + now + b"\n" in pickled
        pickled = pickled.replace(b"c" + now + b"\n", b"c" + before + b"\n")
    loaded = pickle.loads(pickled)
    assert type(loaded) is type(result)
    for given, expected in (
        (loaded.original_result, result.original_result),
        (loaded.perturbed_result, result.perturbed_result),
    ):
        assert type(given) is type(expected)
        assert type(given.attacked_text) is type(expected.attacked_text)
        assert given.attacked_text == expected.attacked_text
    assert str(loaded) == str(result)
