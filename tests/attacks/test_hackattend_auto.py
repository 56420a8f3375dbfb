"""HackAttend-Auto: it is as strong as all of its members together, and costs what they cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch.nn.functional import cross_entropy

from textattack_attend.attack_recipes import HackAttendAuto, HackAttendLiong2024, HackAttendPlus
from textattack_attend.attacks.attack import StructureAttack
from textattack_attend.attacks.goals import goal_function, margin_loss
from textattack_attend.attacks.identity import attack_identity
from textattack_attend.attacks.results import StructureAttackResult, SuccessfulAttackResult
from textattack_attend.attacks.search import ReselectionSearch
from textattack_attend.attacks.transformations import RandomStartReselection, Reselection
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Budget
from textattack_attend.victims.victim import Victim

from ..conftest import MakeVictim, random_texts, tiny_model

FRACTION = 0.06
TEXTS = random_texts(12, seed=4)


def wrapped(victim: Victim) -> AttentionModelWrapper:
    return AttentionModelWrapper(victim.model, victim.tokenizer)


def members(wrapper: AttentionModelWrapper) -> list[StructureAttack]:
    """Builds the members that search on the victim, each as an attack of its own."""
    plain = goal_function(wrapper, objective=cross_entropy)
    margin = goal_function(wrapper, objective=margin_loss)
    budget = Budget(FRACTION)
    return [
        HackAttendPlus.build(wrapper, mask_fraction=FRACTION),
        StructureAttack(plain, Reselection(budget), ReselectionSearch()),
        *(
            StructureAttack(margin, RandomStartReselection(budget, seed), ReselectionSearch())
            for seed in range(2)
        ),
        HackAttendLiong2024.build(wrapper, mask_fraction=FRACTION, ranking="first_order"),
        HackAttendLiong2024.build(wrapper, mask_fraction=FRACTION),
    ]


def attacked(attack: StructureAttack, victim: Victim) -> list[StructureAttackResult]:
    labels = [int(victim.logits([text]).argmax()) for text in TEXTS]
    return list(attack.attack_many(zip(TEXTS, labels, strict=True)))


def successes(results: list[StructureAttackResult]) -> set[int]:
    return {n for n, one in enumerate(results) if isinstance(one, SuccessfulAttackResult)}


def test_it_succeeds_where_any_member_does_and_costs_their_sum(make_victim: MakeVictim) -> None:
    """Two classes, so that no member aims at a class."""
    victim = make_victim(labels=2, seed=3)
    alone = [attacked(attack, victim) for attack in members(wrapped(victim))]
    found = attacked(HackAttendAuto.build(wrapped(victim), mask_fraction=FRACTION), victim)
    by_member = [successes(results) for results in alone]
    assert successes(found) == set().union(*by_member)
    assert 0 < len(successes(found)) < len(TEXTS)
    for number, result in enumerate(found):
        first = next((n for n, own in enumerate(by_member) if number in own), len(alone) - 1)
        ran = [results[number] for results in alone[: first + 1]]
        assert result.num_queries == 1 + sum(one.num_queries - 1 for one in ran)
        assert result.candidate_queries == sum(one.candidate_queries for one in ran)
        assert result.gradient_passes == sum(one.gradient_passes for one in ran)
        assert result.structure == ran[-1].structure


def test_it_aims_at_every_other_class(make_victim: MakeVictim) -> None:
    """Where raising the margin fails, raising the logit of one class may succeed."""
    victim = make_victim()
    wrapper = wrapped(victim)
    labels = [int(victim.logits([text]).argmax()) for text in TEXTS]
    targeted = [
        HackAttendPlus.build(wrapper, mask_fraction=FRACTION, target_class=target, prune=False)
        for target in range(victim.num_labels)
    ]
    expected = {
        number
        for number, (text, label) in enumerate(zip(TEXTS, labels, strict=True))
        for target, attack in enumerate(targeted)
        if target != label and isinstance(attack.attack(text, label), SuccessfulAttackResult)
    }
    every = [successes(attacked(attack, victim)) for attack in members(wrapper)]
    found = successes(attacked(HackAttendAuto.build(wrapper, mask_fraction=FRACTION), victim))
    assert expected <= found
    assert found >= set().union(*every)


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_side_by_side_is_one_after_another(family: str, make_victim: MakeVictim) -> None:
    victim = make_victim(family)
    attack = HackAttendAuto.build(wrapped(victim), mask_fraction=0.03)
    together = attacked(attack, victim)
    for text, result in zip(TEXTS[:4], together, strict=False):
        alone = attack.attack(text, int(victim.logits([text]).argmax()))
        assert alone.structure == result.structure
        assert (alone.num_queries, type(alone)) == (result.num_queries, type(result))


@pytest.mark.parametrize("budget", [1, 2, 9, 40])
def test_the_query_budget_is_that_of_all_members(budget: int, make_victim: MakeVictim) -> None:
    victim = make_victim(labels=2, seed=3)
    attack = HackAttendAuto.build(wrapped(victim), mask_fraction=0.02)
    attack.goal_function.query_budget = budget
    assert max(result.num_queries for result in attacked(attack, victim)) == budget


def saved(folder: Path, victim: Victim) -> str:
    victim.model.save_pretrained(folder)
    victim.tokenizer.save_pretrained(folder)
    return str(folder)


def test_a_structure_of_a_surrogate_is_tried(tmp_path: Path, make_victim: MakeVictim) -> None:
    """On the victim itself as the surrogate, the attack succeeds again where it did, and no more.

    All other members are taken away, so that what succeeds is what the surrogate gave.
    """
    victim = make_victim()
    name = saved(tmp_path / "surrogate", victim)
    attack = HackAttendAuto.build(wrapped(victim), mask_fraction=FRACTION, surrogates=[name])
    search: Any = attack.search_method
    search.members = search.members[-1:]
    results = attacked(attack, victim)
    plus = attacked(HackAttendPlus.build(wrapped(victim), mask_fraction=FRACTION), victim)
    assert successes(results) == successes(plus) != set()
    for number in successes(results):
        assert results[number].structure == plus[number].structure
        assert results[number].num_queries == 2  # the clean text, and the structure


def test_a_surrogate_of_another_shape_is_refused(tmp_path: Path, make_victim: MakeVictim) -> None:
    victim = make_victim()
    model: Any = tiny_model()
    model.bert.encoder.layer = model.bert.encoder.layer[:2]
    model.config.num_hidden_layers = 2
    other = Victim(model, victim.tokenizer)
    name = saved(tmp_path / "other", other)
    with pytest.raises(InvalidInputError, match="surrogates: expected models of the victim's 3"):
        HackAttendAuto.build(wrapped(victim), surrogates=[name])


def test_the_content_of_surrogates_counts(tmp_path: Path, make_victim: MakeVictim) -> None:
    name = saved(tmp_path / "surrogate", make_victim())
    before = attack_identity("hackattend-auto", {"surrogates": [name]})
    saved(tmp_path / "surrogate", make_victim(seed=77))
    assert attack_identity("hackattend-auto", {"surrogates": [name]}) != before
    assert attack_identity("hackattend-auto", {}) != before
