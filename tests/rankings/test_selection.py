"""The one selection of units: the attacks and the training choose the same, exactly."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textattack_attend.rankings.candidates import highest_cells
from textattack_attend.rankings.masking_effect import damped
from textattack_attend.rankings.selection import highest
from textattack_attend.structures import Budget, Shape
from textattack_attend.structures.budget import units_within
from textattack_attend.training.defenses.hackattend_at import selected

SPECIAL = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, 1e-45, -3.4e38]
NUMBERS = st.sampled_from(SPECIAL) | st.floats(width=32, allow_nan=False)
SCORES = st.lists(NUMBERS | st.just(math.nan), max_size=20)
SHARES = [0.001, 0.01, 0.07, 0.1, 0.14, 0.28, 0.29, 0.3, 0.55, 0.57, 0.58, 0.9, 1.0]
"""Shares of which many, times whole numbers, are just below or above a whole number in floats."""


def by_hand(scores: list[float], count: int) -> list[int]:
    """The positions of the highest scores, sorted: equal ones by position, NaN never."""
    numbers = [n for n, score in enumerate(scores) if not math.isnan(score)]
    return sorted(sorted(numbers, key=lambda n: (-scores[n], n))[:count])


@given(st.lists(SCORES, min_size=1, max_size=4), st.data())
def test_the_highest_are_those_of_a_sorted_list(
    rows: list[list[float]], data: st.DataObject
) -> None:
    width = min(map(len, rows))
    rows = [row[:width] for row in rows]
    counts = [data.draw(st.integers(0, width)) for _ in rows]
    chosen = highest(torch.tensor(rows).view(len(rows), width), torch.tensor(counts)[:, None])
    for row, count, own in zip(rows, counts, chosen, strict=True):
        assert own.nonzero().flatten().tolist() == by_hand(row, count)


@pytest.mark.parametrize("share", SHARES)
def test_units_are_counted_as_a_person_counts(share: float) -> None:
    numerator, denominator = Fraction(str(share)).as_integer_ratio()
    for units in range(1, 2000):
        assert units_within(share, units) == max(1, numerator * units // denominator)
    assert units_within(0.01, 300) == 3
    assert units_within(0.29, 100) == 29  # 28.999... in floats
    assert units_within(0.3333333, 9) == 2  # 2.9999997


@given(st.sampled_from(SHARES), st.integers(2, 6), st.integers(0, 9), st.booleans())
def test_the_attack_and_the_training_choose_the_same_units(
    share: float, tokens: int, seed: int, special: bool
) -> None:
    generator = np.random.default_rng(seed)
    shape, budget = Shape(1, 2, tokens), Budget(share)
    # Few values, so that most of them are there more than once.
    values = np.array([*SPECIAL, math.nan][: 9 if special else 4], np.float32)
    dense = generator.choice(values, (2, tokens, tokens))
    attackable = budget.attackable(shape, 0)
    of_attack = highest_cells(dense[:, attackable], shape, budget, 0)
    (of_training,) = selected(
        torch.from_numpy(dense)[None], torch.from_numpy(attackable)[None, None], [share]
    )
    for cells, chosen in zip(of_attack, of_training, strict=True):
        assert cells.tolist() == np.flatnonzero(chosen.numpy()).tolist()


@given(SCORES.map(lambda scores: [s for s in scores if not math.isnan(s)]), st.data())
def test_numbers_are_chosen_as_they_were_before(scores: list[float], data: st.DataObject) -> None:
    """The attacks chose with a threshold of NumPy, and the training with torch's topk."""
    row = np.array(scores, np.float32)
    count = data.draw(st.integers(0, len(row)))
    threshold = np.partition(row, -count)[-count] if count else np.inf
    above = np.flatnonzero(row > threshold)
    ties = np.flatnonzero(row == threshold)[: count - len(above)]
    chosen = highest(torch.from_numpy(row)[None], torch.tensor([[count]]))[0]
    assert chosen.nonzero().flatten().tolist() == sorted([*above, *ties] if count else [])
    values = torch.from_numpy(row).topk(count).values
    torch.testing.assert_close(torch.from_numpy(row)[chosen].sort(descending=True).values, values)


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.5, 0.9])
def test_effects_are_damped_alike_for_attack_and_training(decay: float) -> None:
    rounds = np.random.default_rng(0).normal(size=(4, 50)).astype(np.float32)
    average, of_training = None, None
    expected = rounds[0].astype(np.float64)
    for effect in rounds:
        kept = effect.copy()
        average = damped(average, effect, decay)
        of_training = damped(of_training, torch.from_numpy(effect), decay)
        expected = decay * expected + (1 - decay) * effect
        np.testing.assert_array_equal(effect, kept)
        np.testing.assert_array_equal(average, of_training.numpy())
        np.testing.assert_allclose(average, expected, rtol=1e-4, atol=1e-6)
