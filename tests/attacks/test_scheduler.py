"""Many examples side by side: the results of one after another, in their order."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from textattack import AttackArgs, Attacker
from textattack.datasets import Dataset
from torch import Tensor

from textattack_attend.attack_recipes import (
    HackAttendImportanceOnly,
    HackAttendLiong2024,
    HackAttendPlus,
)
from textattack_attend.attacks.attack import StructureAttack
from textattack_attend.attacks.results import StructureAttackResult
from textattack_attend.attacks.scheduler import timed
from textattack_attend.attention import WholeModel
from textattack_attend.errors import InvalidInputError, ModelOutputError
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.victims.victim import Victim

from ..conftest import MakeVictim, hooks_of, random_texts

Build = Callable[..., StructureAttack]
Examples = list[tuple[str, int]]
RECIPES: dict[str, Build] = {
    "hackattend": partial(HackAttendLiong2024.build, mask_fraction=0.2),
    "hackattend-plus": partial(HackAttendPlus.build, mask_fraction=0.03, rounds=3),
    "hackattend-importance-only": partial(
        HackAttendImportanceOnly.build, mask_fraction=0.2, seed=1
    ),
}


def wrapped(victim: Victim) -> AttentionModelWrapper:
    return AttentionModelWrapper(victim.model, victim.tokenizer)


def examples_for(victim: Victim, count: int = 12) -> Examples:
    """Most of them classified correctly; lengths differ."""
    texts = random_texts(count, seed=7)
    labels = [int(victim.logits([text]).argmax()) for text in texts]
    labels[2] = (labels[2] + 1) % victim.num_labels
    return list(zip(texts, labels, strict=True))


def facts(result: StructureAttackResult) -> tuple[object, ...]:
    return (
        type(result).__name__,
        result.text,
        result.structure,
        result.candidate_queries,
        result.num_queries,
        result.gradient_passes,
    )


@pytest.mark.parametrize("recipe", RECIPES)
def test_side_by_side_is_one_after_another(victim: Victim, recipe: str) -> None:
    examples = examples_for(victim)
    attack = RECIPES[recipe](wrapped(victim))
    alone = [attack.attack(*example) for example in examples]
    assert {type(result).__name__ for result in alone} >= {
        "SkippedAttackResult",
        "FailedAttackResult",
    }
    for rows in (1, 60, 100_000):
        attack.goal_function.victim.engine.rows_at_once = rows
        together = list(attack.attack_many(examples))
        assert [facts(result) for result in together] == [facts(result) for result in alone]
        for one, other in zip(together, alone, strict=True):
            torch.testing.assert_close(
                torch.as_tensor(one.perturbed_result.raw_output),
                torch.as_tensor(other.perturbed_result.raw_output),
                atol=1e-5,
                rtol=1e-5,
            )
    assert hooks_of(victim.model) == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_without_the_engine_every_decision_is_the_same(victim: Victim, recipe: str) -> None:
    """One structure a forward pass of the model itself, no reuse, no sharing."""
    examples = examples_for(victim)
    with_engine = RECIPES[recipe](wrapped(victim))
    without = RECIPES[recipe](wrapped(victim))
    model = without.goal_function.victim.model
    without.goal_function.victim.evaluator.engine = WholeModel(model)
    expected = [facts(result) for result in without.attack_many(examples)]
    assert [facts(result) for result in with_engine.attack_many(examples)] == expected


def test_examples_that_share_steps_share_their_time(
    victim: Victim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock on which every step takes a second, examples together have all the seconds."""
    steps = iter(range(10**6))
    clock = SimpleNamespace(perf_counter=lambda: next(steps))
    monkeypatch.setattr("textattack_attend.attacks.scheduler.time", clock)
    examples = examples_for(victim)
    attack = RECIPES["hackattend"](wrapped(victim))
    results = list(attack.attack_many(examples))
    taken = next(steps) / 2  # a step asks for the time before and after
    assert sum(result.seconds for result in results) == pytest.approx(taken)
    skipped = [r.seconds for r in results if type(r).__name__ == "SkippedAttackResult"]
    others = [r.seconds for r in results if type(r).__name__ != "SkippedAttackResult"]
    assert max(skipped) < min(others)  # the others searched on


def test_a_step_is_divided_by_the_work_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 14.0])
    clock = SimpleNamespace(perf_counter=lambda: next(times))
    monkeypatch.setattr("textattack_attend.attacks.scheduler.time", clock)
    one, other = (cast("Any", SimpleNamespace(seconds=1.0)) for _ in range(2))
    with timed((one, 3), (other, 1)):
        pass
    assert (one.seconds, other.seconds) == (4.0, 2.0)


def test_speculation_changes_no_decision(victim: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    """One candidate at a time, or a whole layer: only what is evaluated in vain differs."""
    from textattack_attend.attacks.search import GreedyMatrixSearch

    examples = examples_for(victim)
    attack = HackAttendLiong2024.build(wrapped(victim), mask_fraction=0.2)
    found = {}
    for size in (1, 2, 99):
        monkeypatch.setattr(GreedyMatrixSearch, "_how_many", lambda *_, size=size: size)
        results = list(attack.attack_many(examples))
        found[size] = [facts(result)[:4] for result in results]
        in_vain = [r.num_queries for r in results]
        if size == 1:
            fewest = in_vain
        assert all(more >= least for more, least in zip(in_vain, fewest, strict=True))
    assert found[1] == found[2] == found[99]


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_success_in_low_precision_holds_in_single_precision(
    make_victim: MakeVictim, precision: str
) -> None:
    victim = make_victim()
    for build in (HackAttendLiong2024.build, HackAttendPlus.build):
        attack = build(wrapped(victim), mask_fraction=0.2, precision=precision)
        results = list(attack.attack_many(examples_for(victim, 20)))
        successes = [r for r in results if type(r).__name__ == "SuccessfulAttackResult"]
        assert successes
        for result in successes:
            (logits,) = victim.logits([str(result.text)], [result.structure])
            assert logits.argmax() != result.original_result.ground_truth_output


def test_an_unusable_example_is_complained_of_in_its_turn(make_victim: MakeVictim) -> None:
    victim = make_victim()
    attack = HackAttendLiong2024.build(wrapped(victim))
    examples = [*examples_for(victim, 4), ("", 0), ("a film", 1)]
    results = attack.attack_many(examples)
    assert len([next(results) for _ in range(4)]) == 4
    with pytest.raises(InvalidInputError, match="empty text"):
        next(results)


def test_a_model_that_breaks_does_so_in_the_turn_of_its_example(
    make_victim: MakeVictim, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = make_victim()
    attack = HackAttendLiong2024.build(wrapped(victim))
    examples = examples_for(victim, 5)
    expected = [facts(result) for result in attack.attack_many(examples)]
    stock = Victim.logits_from

    def broken(self: Victim, asked: list[tuple[object, object]]) -> Tensor:
        if any(reading.text == examples[3][0] for reading, _ in asked):  # type: ignore[attr-defined]
            raise ModelOutputError("NaN")
        return stock(self, asked)  # type: ignore[arg-type]

    monkeypatch.setattr(Victim, "logits_from", broken)
    results = attack.attack_many(examples)
    assert [facts(next(results)) for _ in range(3)] == expected[:3]
    with pytest.raises(ModelOutputError):
        next(results)


# --- in TextAttack's own runner ---


def run(attack: StructureAttack, dataset: Dataset, **options: object) -> list[object]:
    args = AttackArgs(disable_stdout=True, silent=True, **options)
    return [facts(result) for result in Attacker(attack, dataset, args).attack_dataset()]


@pytest.mark.parametrize(
    "options",
    [
        {"num_examples": 5},
        {"num_examples": 3, "num_examples_offset": 4},
        {"num_examples": -1},
        {"num_examples": 6, "attack_n": True},
        {"num_successful_examples": 2, "num_examples": None},
        {"num_examples": 6, "shuffle": True},
    ],
    ids=str,
)
def test_a_dataset_is_attacked_as_one_example_after_another(
    make_victim: MakeVictim, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = make_victim()
    pairs = [((text,), label) for text, label in examples_for(victim)]
    dataset = Dataset(pairs, input_columns=["text"], label_names=["x", "y", "z"])
    attack = HackAttendLiong2024.build(wrapped(victim), mask_fraction=0.2)
    together = run(attack, dataset, **options)
    monkeypatch.setattr(StructureAttack, "looking_ahead", _not_ahead)
    attack.goal_function.victim.engine.rows_at_once = 1
    alone = run(attack, dataset, **options)
    assert sorted(map(str, together)) == sorted(map(str, alone))
    if "shuffle" not in options:
        assert together == alone


def _not_ahead(self: StructureAttack, examples: object) -> object:
    from contextlib import nullcontext

    return nullcontext()


def test_an_attack_that_is_sent_to_other_processes_looks_not_ahead(
    make_victim: MakeVictim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is pickled inside TextAttack's runner; a stream of results cannot be."""
    victim = make_victim()
    sent: list[bytes] = []

    def send(self: Attacker) -> None:
        sent.append(pickle.dumps(self.attack))

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(Attacker, "_attack_parallel", send)
    args = AttackArgs(num_examples=3, parallel=True, disable_stdout=True, silent=True)
    attack = HackAttendLiong2024.build(wrapped(victim))
    Attacker(attack, Dataset(examples_for(victim, 3)), args).attack_dataset()
    assert isinstance(pickle.loads(sent[0]), StructureAttack)


def test_results_carry_the_names_of_labels(make_victim: MakeVictim) -> None:
    victim = make_victim()
    dataset = Dataset(examples_for(victim, 3), label_names=["low", "middle", "high"])
    attack = HackAttendLiong2024.build(wrapped(victim))
    args = AttackArgs(num_examples=3, disable_stdout=True, silent=True)
    for result in Attacker(attack, dataset, args).attack_dataset():
        names = result.original_result.attacked_text.attack_attrs["label_names"]
        assert names == ["low", "middle", "high"]
