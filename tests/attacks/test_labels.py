"""Attacks without a label, and with the name of one."""

from __future__ import annotations

from typing import Any

import pytest
from textattack.shared import AttackedText

from textattack_attend import AttentionModelWrapper, HackAttendPlus, SuccessfulAttackResult
from textattack_attend.attacks.attack import StructureAttack
from textattack_attend.attacks.results import SkippedAttackResult
from textattack_attend.errors import InvalidInputError

from ..conftest import MakeVictim

TEXT = "the acting is superb but the plot never comes alive"
NEGATIVE, POSITIVE = 0, 1


@pytest.fixture(scope="module")
def attack() -> StructureAttack:
    return HackAttendPlus.build(AttentionModelWrapper.from_pretrained("attend-demo"))


def test_without_a_label_the_prediction_is_attacked(attack: StructureAttack) -> None:
    result, given = attack.attack(TEXT), attack.attack(TEXT, NEGATIVE)
    assert result.original_result.ground_truth_output == NEGATIVE
    assert isinstance(result, SuccessfulAttackResult)
    assert (result.structure, result.num_queries) == (given.structure, given.num_queries)


@pytest.mark.parametrize("name", ["negative", "Negative"])
def test_a_name_is_that_of_a_class(attack: StructureAttack, name: str) -> None:
    assert attack.attack(TEXT, name).structure == attack.attack(TEXT, NEGATIVE).structure
    result = attack.attack(TEXT, "positive")
    assert isinstance(result, SkippedAttackResult)
    assert result.original_result.ground_truth_output == POSITIVE


@pytest.mark.parametrize("label", ["negativ", "neutral", "0"])
def test_a_name_of_no_class_is_refused(attack: StructureAttack, label: str) -> None:
    with pytest.raises(InvalidInputError, match="label: expected one of negative, positive, or"):
        attack.attack(TEXT, label)


@pytest.mark.parametrize("label", [2, -1, 0.0, True, [0]])
def test_a_number_of_no_class_is_refused_as_before(attack: StructureAttack, label: Any) -> None:
    with pytest.raises(InvalidInputError, match="label"):
        attack.attack(TEXT, label)


def test_a_model_without_names_has_numbers_alone(make_victim: MakeVictim) -> None:
    victim = make_victim()
    attack = HackAttendPlus.build(AttentionModelWrapper(victim.model, victim.tokenizer))
    with pytest.raises(InvalidInputError, match="label: expected the number of a class or of a"):
        attack.attack("the film was good", "LABEL_2")
    result = attack.attack("the film was good")
    prediction = int(victim.logits(["the film was good"])[0].argmax())
    assert result.original_result.ground_truth_output == prediction
    assert result.original_result.get_colored_output().startswith(f"{prediction} (")


def test_a_result_shows_the_names_of_the_model(attack: StructureAttack) -> None:
    """TextAttack writes them with a capital."""
    text = AttackedText(TEXT)
    result = attack.attack(text)
    assert str(result).startswith("Negative (91%) --> Positive (55%)")
    assert "label_names" not in text.attack_attrs, "what the caller gave stays as it is"
    text.attack_attrs["label_names"] = ["bad", "good"]
    assert str(attack.attack(text)).startswith("Bad (91%) --> Good (55%)")
