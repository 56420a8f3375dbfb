"""Looks for signs that an attack on a victim says little about the victim's robustness.

The checks follow those of AutoAttack (Croce & Hein, 2020, https://arxiv.org/abs/2003.01690): a
victim that answers at random, gradients that vanish, a random search that beats the gradient, and
successes that nobody can repeat. Each is a defect of the evaluation, not a strength of the victim.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from textattack.attack_results import SkippedAttackResult, SuccessfulAttackResult

from ..attack_recipes import HackAttendImportanceOnly, HackAttendLiong2024
from ..attacks.attack import StructureAttack
from ..attacks.goals import goal_function
from ..attacks.results import FailedAttackResult, StructureAttackResult
from ..attacks.structured_text import attacked_text
from ..data.texts import Text
from ..models.wrappers import AttentionModelWrapper
from ..process.progress import watched

VANISHED = 1e-8
"""The largest absolute gradient, at any attention probability, below which a gradient vanishes."""


def findings(
    wrapper: AttentionModelWrapper, examples: Sequence[tuple[Any, int]], seed: int = 0
) -> Iterator[str]:
    """Yields a line about each suspicious observation.

    Args:
        wrapper: the victim.
        examples: texts and their classes.
        seed: the seed of the random search.
    """
    read = [(attacked_text(text).tokenizer_input, label) for text, label in examples]
    yield from _random_answers(wrapper, [text for text, _ in read])
    yield from _vanished_gradients(wrapper, read)
    gradient = _results(HackAttendLiong2024.build(wrapper), examples, "masks of the gradient")
    if not gradient:
        yield (
            f"no example was attacked: the victim has none of {len(examples)} right; expected "
            "labels that count the classes as the model does"
        )
    yield from _unconfirmed(gradient)
    by_chance = HackAttendImportanceOnly.build(wrapper, seed=seed)
    random = _results(by_chance, examples, "random masks")
    yield from _beaten_by_random(gradient, random)


def _random_answers(wrapper: AttentionModelWrapper, texts: Sequence[Text]) -> Iterator[str]:
    asked = watched(texts, len(texts), "answers given twice")
    differ = sum(wrapper.victim.answers_at_random(text) for text in asked)
    if differ:
        yield (
            f"the victim answered {differ} of {len(texts)} texts differently the second time; "
            "expected the same logits: switch off dropout and other randomness"
        )


def _vanished_gradients(
    wrapper: AttentionModelWrapper, examples: Sequence[tuple[Any, int]]
) -> Iterator[str]:
    goal = goal_function(wrapper)
    vanished = 0
    for text, label in watched(examples, len(examples), "gradients"):
        gradients = wrapper.victim.capture(text, goal.for_example(text, label).loss).gradients
        assert gradients is not None
        vanished += bool(gradients.abs().max() < VANISHED)
    if vanished:
        yield (
            f"the gradient vanishes on {vanished} of {len(examples)} examples; attacks that follow "
            "it are blind there: expected logits that are not saturated, and no detached tensor"
        )


def _unconfirmed(results: Sequence[StructureAttackResult]) -> Iterator[str]:
    count = sum(isinstance(r, FailedAttackResult) and r.unconfirmed for r in results)
    if count:
        yield (
            f"{count} successes did not survive a fresh forward pass and count as failed; "
            "expected the same prediction: is the victim random, or the search's precision low?"
        )


def _beaten_by_random(
    gradient: Sequence[StructureAttackResult], random: Sequence[StructureAttackResult]
) -> Iterator[str]:
    ours, theirs = (
        sum(isinstance(r, SuccessfulAttackResult) for r in results)
        for results in (gradient, random)
    )
    if theirs > ours:
        yield (
            f"random masks succeed {theirs} times, those of the gradient {ours} times; expected "
            "the gradient to know better: it may be masked or wrong"
        )


def _results(
    attack: StructureAttack, examples: Sequence[tuple[Any, int]], name: str
) -> list[StructureAttackResult]:
    results = watched(attack.attack_many(examples), len(examples), name)
    return [result for result in results if not isinstance(result, SkippedAttackResult)]
