"""HackAttend against a plain re-implementation: same successes, structures and query counts.

An attack where a decision hangs on float noise, by the plain one's own account, is not compared.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from typing import NamedTuple

import pytest

from textattack_attend.structures import Structure
from textattack_attend.victims.victim import Victim

from ..conftest import FAMILIES, HEADS, LABELS, MakeVictim, random_texts, tiny_model
from ..oracles.plain_hackattend import Options, Outcome, PlainHackAttend
from ..oracles.plain_model import PlainModel, Units

TEXTS = random_texts(10, seed=1)
ENOUGH = 6
NEXT = -1
"""As a target: the class after the one that is predicted."""

OPTIONS = {
    "defaults": Options(),
    "0.1": Options(0.1),
    "0.29": Options(0.29),
    "score_gradient": Options(0.2, ranking="score_gradient"),
    "first_order": Options(0.1, ranking="first_order"),
    "attention": Options(0.2, ranking="attention"),
    "one matrix at a time": Options(0.3, accumulate=False),
    "one matrix at a time, first_order": Options(0.1, ranking="first_order", accumulate=False),
    "first token too": Options(0.15, spare_first_token=False),
    "first token too, score_gradient": Options(
        0.1, ranking="score_gradient", spare_first_token=False
    ),
    "first token too, attention": Options(0.2, ranking="attention", spare_first_token=False),
    "the first matrix alone": Options(0.2, max_layers=1, max_heads=1),
    "one layer": Options(0.3, max_layers=1),
    "two heads": Options(0.3, max_heads=2),
    "two layers of three heads": Options(0.3, max_layers=2, max_heads=3),
    "target": Options(0.2, target_class=NEXT),
    "target, first_order, first token too": Options(
        0.1, ranking="first_order", target_class=NEXT, spare_first_token=False
    ),
    "target, one matrix at a time": Options(
        0.3, target_class=NEXT, accumulate=False, spare_first_token=False
    ),
}
NOISE = 1e-4
"""A decision closer than this may differ between single and double precision."""


class Plain(NamedTuple):
    """The clean label of a text, the options of an attack on it, and what the attack found."""

    label: int
    options: Options
    outcome: Outcome


@cache
def plain_model(family: str) -> PlainModel:
    return PlainModel(tiny_model(family))


@cache
def plain_attack(family: str, ids: tuple[int, ...], name: str) -> Plain:
    model, options = plain_model(family), OPTIONS[name]
    label = int(model.logits(ids).argmax())
    if options.target_class == NEXT:
        options = replace(options, target_class=(label + 1) % LABELS)
    return Plain(label, options, PlainHackAttend(model, ids, label, options).attack())


def clear_attacks(victim: Victim, name: str) -> dict[str, Plain]:
    """By text, the plain attacks that float noise cannot change."""
    family = victim.model.config.model_type
    attacks = {
        text: plain_attack(family, tuple(victim.tokenizer(text)["input_ids"]), name)
        for text in TEXTS
    }
    clear = {text: plain for text, plain in attacks.items() if plain.outcome.margin > NOISE}
    assert len(clear) >= ENOUGH
    return clear


def as_units(structure: Structure) -> Units:
    units = frozenset((layer, head, query, key) for layer, head, query, key in structure.units)
    assert len(units) == len(structure)
    return units


@pytest.mark.parametrize("name", OPTIONS)
def test_the_attack_does_what_the_plain_one_does(victim: Victim, name: str) -> None:
    from textattack_attend.attack_recipes import HackAttendLiong2024
    from textattack_attend.models.wrappers import AttentionModelWrapper

    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    for text, (label, options, expected) in clear_attacks(victim, name).items():
        result = HackAttendLiong2024.build(wrapper, **asdict(options)).attack(text, label)
        kind = "SuccessfulAttackResult" if expected.success else "FailedAttackResult"
        assert type(result).__name__ == kind
        assert as_units(result.structure) == expected.units
        assert result.candidate_queries == expected.candidate_queries
        assert result.gradient_passes == (options.ranking != "attention")
        # The clean text and the probes are queries too; candidates may be tested in vain.
        in_vain = result.num_queries - (1 + expected.probes + expected.candidate_queries)
        assert 0 <= in_vain < HEADS


@pytest.mark.parametrize("family", FAMILIES)
def test_the_attacks_compared_both_succeed_and_fail(make_victim: MakeVictim, family: str) -> None:
    victim = make_victim(family)
    for accumulate in (True, False):
        successes = [
            plain.outcome.success
            for name, options in OPTIONS.items()
            for plain in clear_attacks(victim, name).values()
            if options.accumulate == accumulate
        ]
        assert 0.1 < sum(successes) / len(successes) < 0.9


def test_no_option_is_without_effect_on_the_attacks_compared(make_victim: MakeVictim) -> None:
    """One that did nothing would agree with the plain attack whatever it should do."""
    victim = make_victim("bert")
    text = TEXTS[0]
    found = {name: clear_attacks(victim, name)[text].outcome for name in OPTIONS}
    assert len({(tuple(o.tried), o.units) for o in found.values()}) == len(OPTIONS)
