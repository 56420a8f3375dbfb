"""HackAttend+: its ranking against slopes of the loss, itself against a plain re-implementation."""

from __future__ import annotations

import pickle
from dataclasses import asdict
from functools import cache
from math import log
from typing import Any, NamedTuple
from weakref import ReferenceType, ref

import numpy as np
import numpy.typing as npt
import pytest
import torch
from textattack.shared import AttackedText
from torch import Tensor

from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus
from textattack_attend.attacks.goals import goal_function
from textattack_attend.attacks.results import StructureAttackResult, SuccessfulAttackResult
from textattack_attend.attacks.scheduler import ExampleSearch
from textattack_attend.attacks.transformations import Proposal, Reselection
from textattack_attend.attention import ForwardPass
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.rankings.masking_effect import masking_effect
from textattack_attend.structures import Budget, Structure
from textattack_attend.victims.victim import Victim

from ..conftest import HEADS, LABELS, LAYERS, MakeVictim, hooks_of, random_texts, tiny_model
from ..oracles.plain_hackattend_plus import PlainHackAttendPlus, PlusOptions, PlusOutcome
from ..oracles.plain_model import PlainModel, Unit, Units

TEXT = "the actor was never dull"
TEXTS = random_texts(14, seed=1)
NOISE = 1e-4
"""A decision closer than this may differ between single and double precision."""
NEXT = -1
OPTIONS = {
    "defaults": PlusOptions(),
    "one round": PlusOptions(rounds=1),
    "forgetful": PlusOptions(decay=0),
    "growing": PlusOptions(0.2, growth=3),
    "first token too": PlusOptions(0.05, spare_first_token=False),
    "target": PlusOptions(0.1, target_class=NEXT, spare_first_token=False),
}


# --- the ranking ---


def slope(model: PlainModel, ids: list[int], masked: Units, unit: Unit, label: int) -> float:
    """Minus the unit's probability, open, times the slope of the loss in that probability."""
    matrix, pair = (unit[0], unit[1]), (unit[2], unit[3])

    def at(bias_of_unit: float) -> tuple[float, float]:
        bias = torch.zeros(model.layers, model.heads, len(ids), len(ids), dtype=torch.double)
        bias[unit] = bias_of_unit
        done = model.run(ids, masked - {unit}, bias=bias)
        return float(done.probabilities[matrix][pair]), float(-done.logits[label])

    share, _ = at(0)
    closed = log(1 - share) - log(share)  # with this bias its probability would be 1/2
    low, high = (closed + log(1e-9), closed + log(1e-5)) if unit in masked else (-1e-4, 1e-4)
    (less, loss_of_less), (more, loss_of_more) = at(low), at(high)
    return -share * (loss_of_more - loss_of_less) / (more - less)


def test_the_effect_of_masking_is_the_slope_of_the_loss(victim: Victim) -> None:
    """Judges open units, masked ones, and the only open unit of a row."""
    model = PlainModel(victim.model)
    ids = victim.tokenizer(TEXT)["input_ids"]
    shape = victim.empty_structure(TEXT).shape
    generator = np.random.default_rng(0)
    masked = generator.random((LAYERS, HEADS, shape.tokens, shape.tokens)) < 0.2
    masked[1, 2, 3, :-1] = True
    structure = Structure.from_units(shape, np.argwhere(masked))
    (done,) = victim.forward_passes([TEXT], [structure], [lambda logits: -logits[0, 1]])
    every = np.arange(shape.tokens**2, dtype=np.int32)
    layers: dict[int, npt.NDArray[np.float32]] = {}
    done.each_layer(
        lambda layer, capture: layers.update(
            {layer: masking_effect(capture, structure, layer, every)}
        )
    )
    found = np.stack([layers[layer] for layer in range(LAYERS)]).reshape(shape.size)
    units: Units = frozenset((a, b, c, d) for a, b, c, d in structure.units.tolist())
    chosen = [*sorted(units)[::9], (0, 1, 2, 3), (1, 3, 4, 2), (2, 0, 0, 1), (1, 2, 3, 0)]
    expected = torch.tensor([slope(model, ids, units, unit, 1) for unit in chosen])
    ours = torch.tensor([float(found[unit]) for unit in chosen])
    assert expected.abs().max() > 1e-2
    torch.testing.assert_close(ours, expected, atol=2e-4 * float(expected.abs().max()), rtol=2e-3)


def test_a_gradient_that_is_zero_everywhere_is_said(
    victim: Victim, caplog: pytest.LogCaptureFixture
) -> None:
    goal = goal_function(AttentionModelWrapper(victim.model, victim.tokenizer))
    goal.objective = lambda logits, label: 0 * logits[0, 0]
    (clean,) = victim.forward_passes([TEXT], [], [goal.for_example(TEXT, 0).loss])
    before = Proposal(victim.empty_structure(TEXT))
    Reselection(Budget(0.1)).propose(TEXT, before, clean.each_layer)
    assert "the gradient is zero everywhere" in caplog.text


# --- the attack ---


class Plain(NamedTuple):
    """The label, the options and what the plain attack did."""

    label: int
    options: PlusOptions
    outcome: PlusOutcome


@cache
def plain_model(family: str) -> PlainModel:
    return PlainModel(tiny_model(family))


@cache
def plain_attack(family: str, ids: tuple[int, ...], name: str) -> Plain:
    model, options = plain_model(family), OPTIONS[name]
    label = int(model.logits(ids).argmax())
    if options.target_class == NEXT:
        options = PlusOptions(**{**asdict(options), "target_class": (label + 1) % LABELS})
    return Plain(label, options, PlainHackAttendPlus(model, ids, label, options).attack())


def as_units(structure: Structure) -> Units:
    return frozenset((a, b, c, d) for a, b, c, d in structure.units.tolist())


@pytest.mark.parametrize("name", OPTIONS)
def test_the_rounds_are_those_of_the_plain_attack(victim: Victim, name: str) -> None:
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    compared = 0
    for text in TEXTS:
        ids = tuple(victim.tokenizer(text)["input_ids"])
        label, options, expected = plain_attack(victim.model.config.model_type, ids, name)
        if expected.margin < NOISE:
            continue
        compared += 1
        attack = HackAttendPlus.build(wrapper, prune=False, **asdict(options))
        result = attack.attack(text, label)
        kind = "SuccessfulAttackResult" if expected.success else "FailedAttackResult"
        assert type(result).__name__ == kind
        assert as_units(result.structure) == expected.tried[-1]
        assert result.candidate_queries == len(expected.tried)
        assert result.num_queries == 1 + len(expected.tried)
        assert len(expected.tried) <= result.gradient_passes <= options.rounds
    assert compared >= 2


def test_the_plain_attacks_both_succeed_and_fail_and_options_matter() -> None:
    outcomes = {
        name: [plain_attack("bert", _ids(text), name).outcome for text in TEXTS] for name in OPTIONS
    }
    successes = [outcome.success for own in outcomes.values() for outcome in own]
    assert 0.1 < np.mean(successes) < 0.95
    assert len({str([sorted(o.tried[-1]) for o in own]) for own in outcomes.values()}) == len(
        OPTIONS
    )


def _ids(text: str) -> tuple[int, ...]:
    from ..conftest import SPECIAL, WORDS

    words = [*SPECIAL, *WORDS]
    return tuple(words.index(word) for word in ["[CLS]", *text.split(), "[SEP]"])


# --- pruning ---


def attacks(
    victim: Victim, **options: object
) -> list[tuple[StructureAttackResult, StructureAttackResult]]:
    """Successes without and with pruning."""
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    examples = [(text, int(victim.logits([text]).argmax())) for text in random_texts(12, seed=3)]
    whole, pruned = (
        list(HackAttendPlus.build(wrapper, prune=prune, **options).attack_many(examples))  # type: ignore[arg-type]
        for prune in (False, True)
    )
    return [
        (one, other)
        for one, other in zip(whole, pruned, strict=True)
        if isinstance(one, SuccessfulAttackResult)
    ]


def test_pruning_leaves_a_success_of_fewer_matrices(victim: Victim) -> None:
    pairs = attacks(victim, mask_fraction=0.2, spare_first_token=False)
    assert len(pairs) >= 3
    budget = Budget(0.2, spare_first_token=False)
    for whole, pruned in pairs:
        assert isinstance(pruned, SuccessfulAttackResult)
        assert as_units(pruned.structure) <= as_units(whole.structure)
        assert len(whole.structure.matrices) == LAYERS * HEADS
        for matrix in pruned.structure.matrices:  # whole matrices are dropped
            assert np.array_equal(pruned.structure.cells(*matrix), whole.structure.cells(*matrix))
        assert budget.allows(pruned.structure)
        (logits,) = victim.logits([str(pruned.text)], [pruned.structure])
        assert logits.argmax() != pruned.original_result.ground_truth_output
        assert pruned.candidate_queries == whole.candidate_queries
    sizes = [len(pruned.structure.matrices) for _, pruned in pairs]
    assert np.mean(sizes) < LAYERS * HEADS / 2


def test_all_queries_are_counted_those_of_pruning_too(
    victim: Victim, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[Structure] = []
    keep = ExampleSearch.keep

    def counting(self: ExampleSearch, structure: Structure, *answer: Any) -> None:
        answered.append(structure)
        keep(self, structure, *answer)

    monkeypatch.setattr(ExampleSearch, "keep", counting)
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    attack = HackAttendPlus.build(wrapper, mask_fraction=0.2, spare_first_token=False)
    in_vain = []
    for text in random_texts(8):
        label = int(victim.logits([text]).argmax())
        answered.clear()
        result = attack.attack(text, label)
        assert result.num_queries == len(answered)
        in_vain.append(result.structure != answered[-1])
    assert any(in_vain)  # a search that ends with a success says nothing of what is asked after it


def test_a_query_budget_ends_rounds_and_pruning(make_victim: MakeVictim) -> None:
    victim = make_victim()
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    attack = HackAttendPlus.build(wrapper, mask_fraction=0.2, spare_first_token=False)
    whole = next(
        result
        for text in random_texts(12, seed=3)
        for result in [attack.attack(text, int(victim.logits([text]).argmax()))]
        if isinstance(result, SuccessfulAttackResult) and result.num_queries > 4
    )
    label = whole.original_result.ground_truth_output
    for budget in range(1, whole.num_queries + 1):
        attack.goal_function.query_budget = budget
        result = attack.attack(str(whole.text), label)
        assert result.num_queries <= budget
        reached = budget > whole.candidate_queries
        assert isinstance(result, SuccessfulAttackResult) == reached
    assert result.structure == whole.structure


def test_nothing_large_stays_on_a_result(victim: Victim) -> None:
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    for prune in (True, False):
        attack = HackAttendPlus.build(wrapper, mask_fraction=0.1, prune=prune)
        result = attack.attack(TEXT, int(victim.logits([TEXT]).argmax()))
        for end in (result.original_result, result.perturbed_result):
            assert set(end.attacked_text.attack_attrs) == set(AttackedText(TEXT).attack_attrs)
        assert len(pickle.dumps(result)) < 2**16
    assert hooks_of(victim.model) == []


def test_it_is_stronger_than_hackattend(make_victim: MakeVictim) -> None:
    victim = make_victim()
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    examples = [(text, int(victim.logits([text]).argmax())) for text in random_texts(30, seed=5)]
    ours, theirs = (
        sum(isinstance(r, SuccessfulAttackResult) for r in recipe.attack_many(examples))
        for recipe in (
            HackAttendPlus.build(wrapper, mask_fraction=0.1),
            HackAttendLiong2024.build(wrapper, mask_fraction=0.1),
        )
    )
    assert ours > theirs > 0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"rounds": 0}, "rounds: expected at least 1, got 0"),
        ({"decay": 1.0}, r"decay: expected a share in \[0, 1\), got 1.0"),
        ({"growth": 0}, "growth: expected at least 1, got 0"),
        ({"precision": "float8"}, "precision: expected one of float32, bfloat16, float16, got"),
    ],
)
def test_options_outside_their_range_are_refused(
    make_victim: MakeVictim, options: dict[str, object], line: str
) -> None:
    victim = make_victim()
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    with pytest.raises(InvalidInputError, match=line):
        HackAttendPlus.build(wrapper, **options)  # type: ignore[arg-type]


def test_a_forward_pass_is_freed_before_the_search_asks_again(
    victim: Victim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph of a pass is the largest thing of an attack, and pruning has no use for it."""
    alive: list[int] = []
    made: list[ReferenceType[ForwardPass]] = []
    differentiate, evaluate = Victim.forward_passes, Victim.logits_from

    def noting(self: Victim, *arguments: Any) -> list[ForwardPass]:
        passes = differentiate(self, *arguments)
        made.extend(map(ref, passes))
        return passes

    def counting(self: Victim, asked: Any) -> Tensor:
        alive.append(sum(own() is not None for own in made[1:]))  # the first is the clean pass
        return evaluate(self, asked)

    monkeypatch.setattr(Victim, "forward_passes", noting)
    monkeypatch.setattr(Victim, "logits_from", counting)
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    label = int(victim.logits([TEXT])[0].argmax())
    result = HackAttendPlus.build(wrapper, mask_fraction=0.5).attack(TEXT, label)
    assert isinstance(result, SuccessfulAttackResult)
    assert len(made) > 1
    assert alive
    assert not any(alive)
