"""Rankings and candidate masks, on numbers worked out by hand."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from torch import Tensor

from textattack_attend.attention import AttentionCapture
from textattack_attend.errors import InvalidInputError
from textattack_attend.rankings.candidates import (
    candidate_masks,
    drawn_masks,
    highest_cells,
)
from textattack_attend.rankings.importance import (
    head_probes,
    layer_probes,
    most_important_first,
    require_importance,
)
from textattack_attend.rankings.random import drawn_cells, random_scores
from textattack_attend.rankings.random_released import PADDED, drawn_with_padding
from textattack_attend.rankings.ranking import RANKINGS, at_cells, generator_for, rank
from textattack_attend.structures import Budget, Shape

# One head of a layer, two tokens. Row 0: p = (1/4, 3/4), dL/dp = (2, -2): the mean under p is -1,
# so dL/ds = p * (g - mean) = (3/4, -3/4). Row 1: p = (1/2, 1/2), dL/dp = (4, 0), mean 2,
# dL/ds = (1, -1).
CAPTURE = AttentionCapture(
    probabilities=torch.tensor([[[0.25, 0.75], [0.5, 0.5]]]),
    gradients=torch.tensor([[[2.0, -2.0], [4.0, 0.0]]]),
    scores=torch.tensor([[[0.25, 0.75], [0.5, 0.5]]]).log(),
)
ALL = Budget(0.01, spare_first_token=False)
SHAPE = Shape(1, 1, 2)


def capture_of(probabilities: Tensor, gradients: Tensor) -> AttentionCapture:
    return AttentionCapture(probabilities, gradients, scores=probabilities.log())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("probability_gradient", [[-2, 2], [-4, 0]]),
        ("score_gradient", [[-0.75, 0.75], [-1, 1]]),
        ("first_order", [[-1, 3], [-2, 2]]),
        ("attention", [[0.25, 0.75], [0.5, 0.5]]),
    ],
)
def test_rankings_by_hand(name: str, expected: list[list[float]]) -> None:
    scores = rank(name, CAPTURE, ALL.cells(SHAPE, 0)).scores
    assert scores.reshape(2, 2).tolist() == expected


@pytest.mark.parametrize(
    ("name", "best"),
    [
        ("probability_gradient", (0, 1)),
        ("score_gradient", (1, 1)),
        ("first_order", (0, 1)),
        ("attention", (0, 1)),
    ],
)
def test_the_best_unit_of_two_tokens_is_masked(name: str, best: tuple[int, int]) -> None:
    shape = Shape(1, 1, 2)
    (mask,) = candidate_masks(name, lambda visit: visit(0, CAPTURE), shape, ALL).values()
    assert mask.units.tolist() == [[0, 0, *best]]


def test_first_order_is_the_linear_term_of_masking() -> None:
    """Moving a probability a little towards 0, the row renormalised, moves a linear loss by it."""
    probabilities = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    weights = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    capture = capture_of(probabilities.view(1, 1, 3), weights.view(1, 1, 3))
    masked = probabilities * torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)
    change = (masked / masked.sum() - probabilities) @ weights
    scores = -capture.score_gradients / (1 - capture.probabilities)
    assert scores[0, 0, 2].item() == pytest.approx(change.item())


def test_a_matrix_without_gradient_falls_back_to_attention(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gradients = torch.stack([torch.zeros(2, 2), torch.ones(2, 2)])
    probabilities = torch.rand(2, 2, 2, generator=torch.Generator().manual_seed(0))
    capture, shape = capture_of(probabilities, gradients), Shape(1, 2, 2)
    scores, has_gradient = rank("probability_gradient", capture, ALL.cells(shape, 0))
    assert np.array_equal(scores[0], probabilities[0].flatten().numpy())
    assert (scores[1] == -1).all()
    assert has_gradient
    candidate_masks("probability_gradient", lambda visit: visit(0, capture), shape, ALL)
    assert not caplog.records


def test_the_fallback_looks_at_the_gradient_that_ranks() -> None:
    """One-hot attention: no gradient at the scores, though there is one at the probabilities."""
    one_hot = torch.eye(4).flip(1).view(1, 4, 4)
    gradients = torch.rand(1, 4, 4, generator=torch.Generator().manual_seed(0))
    cells = ALL.cells(Shape(1, 1, 4), 0)
    scores, has_gradient = rank("score_gradient", capture_of(one_hot, gradients), cells)
    assert np.array_equal(scores, one_hot.flatten(1).numpy())
    assert not has_gradient


def test_no_gradient_anywhere_is_said(caplog: pytest.LogCaptureFixture) -> None:
    capture = capture_of(torch.rand(1, 2, 2), torch.zeros(1, 2, 2))
    with caplog.at_level(logging.WARNING):
        candidate_masks("score_gradient", lambda visit: visit(0, capture), SHAPE, ALL)
    assert "ranked by attention instead" in caplog.text


@pytest.mark.parametrize("name", [name for name in RANKINGS if RANKINGS[name].needs_gradient])
def test_scores_a_few_queries_at_a_time_are_those_of_all_at_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every score depends on its own row alone, so blocks change no bit of it."""
    generator = torch.Generator().manual_seed(0)
    shape = Shape(1, 3, 11)
    probabilities = torch.rand(3, 11, 11, generator=generator).softmax(-1)
    capture = capture_of(probabilities, torch.rand(3, 11, 11, generator=generator))
    cells = Budget(0.1).cells(shape, 0)
    score = RANKINGS[name].score
    assert score is not None
    whole = score(capture).flatten(1).numpy()[:, cells]
    for units in (1, 3 * 11 * 2, 3 * 11 * 4, 10**6):
        monkeypatch.setattr("textattack_attend.rankings.ranking.UNITS_AT_ONCE", units)
        assert np.array_equal(rank(name, capture, cells).scores, whole)


def test_without_attackable_units_there_are_no_scores() -> None:
    none = np.empty(0, np.int32)
    assert at_cells(CAPTURE, none, lambda block, _: block.probabilities).shape == (1, 0)
    assert not rank("score_gradient", CAPTURE, none).has_gradient


def test_ties_go_to_the_first_unit() -> None:
    shape = Shape(1, 1, 4)
    budget = Budget(0.34)  # 3 of the 9 attackable
    (cells,) = highest_cells(np.zeros((1, 9), np.float32), shape, budget, 0)
    assert [divmod(cell, 4) for cell in cells.tolist()] == [(1, 1), (1, 2), (1, 3)]


def test_candidate_masks_take_the_top_of_every_matrix_within_the_budget() -> None:
    shape, budget = Shape(2, 3, 6), Budget(0.2)
    masks = drawn_masks(drawn_cells, shape, budget, np.random.default_rng(0))
    # The baseline of the paper draws every unit of the model, layer by layer.
    scores = np.random.default_rng(0).random(shape.size, dtype=np.float32)
    assert list(masks) == [(layer, head) for layer in range(2) for head in range(3)]
    for (layer, head), mask in masks.items():
        attackable = np.where(budget.attackable(shape, layer), scores[layer, head], -1)
        worst = min(attackable[q, k] for _, _, q, k in mask.units)
        assert budget.allows(mask)
        assert len(mask) == 5
        assert (attackable > worst).sum() == 4


def test_random_scores_are_those_of_the_attackable_units() -> None:
    cells = np.array([3, 5, 6], np.int32)
    drawn = random_scores(2, 3, cells, np.random.default_rng(1))
    every = np.random.default_rng(1).random((2, 9), dtype=np.float32)
    assert np.array_equal(drawn, every[:, [3, 5, 6]])


def test_released_draws_are_those_of_a_padded_matrix() -> None:
    """Against a plain draw: with replacement, from 128 x 128 cells, without [CLS]."""
    shape, budget = Shape(2, 3, 40), Budget(0.5)
    masks = drawn_masks(drawn_with_padding, shape, budget, np.random.default_rng(7))
    plain = np.random.default_rng(7)
    draws = 39 * 39 // 2
    for (layer, head), mask in masks.items():
        queries, keys = plain.integers(PADDED, size=(2, draws))
        real = {(q, k) for q, k in zip(queries.tolist(), keys.tolist(), strict=True) if q < 40 > k}
        expected = {(layer, head, q, k) for q, k in real if q and k}
        assert {tuple(unit) for unit in mask.units.tolist()} == expected
        assert budget.allows(mask)
    found = sum(map(len, masks.values())) / len(masks)
    assert found == pytest.approx(draws * (39 / PADDED) ** 2, rel=0.2)


def test_released_draws_of_choices_are_masked_in_all_of_them() -> None:
    shape = Shape(1, 1, 50, sequences=(20, 30))
    (joined,) = drawn_masks(
        drawn_with_padding, shape, Budget(0.3, choice_budget="released"), np.random.default_rng(0)
    ).values()
    parts = [{tuple(unit[2:]) for unit in part.units.tolist()} for part in joined.parts]
    assert parts[0] == {(q, k) for q, k in parts[1] if q < 20 and k < 20}
    assert parts[0]
    (apart,) = drawn_masks(
        drawn_with_padding, shape, Budget(0.3), np.random.default_rng(0)
    ).values()
    assert len(apart) < len(joined)


def test_randomness_depends_on_seed_text_and_purpose_alone() -> None:
    first = generator_for("a film", 1).random(3)
    generator_for("another", 1).random(99)
    assert np.array_equal(first, generator_for("a film", 1).random(3))
    others = [
        generator_for("a film", 2),
        generator_for("a films", 1),
        generator_for("a film", 1, purpose="importance"),
    ]
    assert all(not np.array_equal(first, other.random(3)) for other in others)


def test_probes_mask_whole_layers_and_whole_heads() -> None:
    shape = Shape(2, 3, 4)
    assert [probe.matrices for probe in layer_probes(shape)] == [
        [(0, 0), (0, 1), (0, 2)],
        [(1, 0), (1, 1), (1, 2)],
    ]
    probes = head_probes(shape, [1])
    assert [probe.matrices for probe in probes] == [[(1, 0)], [(1, 1)], [(1, 2)]]
    assert all(len(probe) == 16 for probe in probes)


def test_importance_is_by_descending_score_and_stable() -> None:
    assert most_important_first([0.1, 0.9, 0.5, 0.9]) == [1, 3, 2, 0]


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match=r"probability_gradient.*got 'gradient'"):
        RANKINGS["gradient"]
    with pytest.raises(InvalidInputError, match=r"probability, random, got 'none'"):
        require_importance("none")
