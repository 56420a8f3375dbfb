"""Intervals of differences: that they hold the truth as often as they say, and Holm by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from textattack_attend.benchmark import Store
from textattack_attend.benchmark.pairing import between_attacks, between_victims
from textattack_attend.benchmark.tables import side_by_side
from textattack_attend.benchmark.uncertainty import Answers, difference, holm
from textattack_attend.commands.main import main
from textattack_attend.errors import InvalidInputError

from ..helpers.stored_results import results_of, row

STORES = 300


def simulated(
    generator: np.random.Generator, models: int, examples: int, spread: float, gain: float
) -> tuple[Answers, Answers]:
    """Answers of two sides; the second is right more often by a gain on average.

    Examples differ in how hard they are, the same for both sides, and trainings by a spread.
    """
    hardness = generator.uniform(0.25, 0.65, examples)

    def side(more: float) -> Answers:
        quality = generator.normal(0, spread, models)
        chances = np.clip(hardness + more + quality[:, None], 0, 1)
        return (generator.random((models, examples)) < chances).astype(float)

    return side(0), side(gain)


@pytest.mark.parametrize("spread", [0.01, 0.03, 0.08])
@pytest.mark.parametrize("examples", [200, 872])
@pytest.mark.parametrize("models", [3, 5])
def test_the_interval_holds_a_known_difference_in_95_percent_of_stores(
    models: int, examples: int, spread: float
) -> None:
    generator = np.random.default_rng(0)
    sides = [simulated(generator, models, examples, spread, 0.1) for _ in range(STORES)]
    found = [difference(*own) for own in sides]
    held = np.mean([own.low <= 0.1 <= own.high for own in found])
    assert 0.93 <= held <= 0.99
    assert np.mean([own.mean for own in found]) == pytest.approx(0.1, abs=0.02)


def test_one_model_a_side_holds_it_where_trainings_are_alike() -> None:
    generator = np.random.default_rng(0)
    found = [difference(*simulated(generator, 1, 200, 0.0, 0.1)) for _ in range(STORES)]
    assert 0.93 <= np.mean([own.low <= 0.1 <= own.high for own in found]) <= 0.98


def test_resampling_trainings_and_examples_holds_it_in_fewer_where_trainings_differ() -> None:
    """The reason why no two-level bootstrap is used; beside the interval on the same stores."""
    generator = np.random.default_rng(0)
    held = np.zeros(2)
    for _ in range(STORES):
        first, second = simulated(generator, 3, 200, 0.08, 0.1)
        gains = second - first
        examples = generator.multinomial(200, np.full(200, 1 / 200), 400) / 200
        models = generator.multinomial(3, np.full(3, 1 / 3), 400) / 3
        low, high = np.percentile((examples @ gains.T * models).sum(1), [2.5, 97.5])
        own = difference(first, second)
        held += low <= 0.1 <= high, own.low <= 0.1 <= own.high
    assert held[0] / STORES < 0.88
    assert held[1] / STORES >= 0.93


def test_a_difference_is_found_in_5_percent_where_there_is_none() -> None:
    generator = np.random.default_rng(1)
    found = [difference(*simulated(generator, 3, 200, 0.03, 0.0)) for _ in range(STORES)]
    assert 0.005 <= np.mean([own.p < 0.05 for own in found]) <= 0.07


def test_sides_of_unlike_many_models_are_not_paired() -> None:
    """By hand: means 0.5 and 1; the two models of the first side differ by nothing but chance."""
    first = np.array([[1.0, 0, 1, 0], [0, 1.0, 0, 1]])
    own = difference(first, np.ones((1, 4)))
    assert own.mean == 0.5
    assert own.low < 0.5 < own.high


def test_agreement_everywhere_leaves_a_width() -> None:
    """By hand, of ten examples without a difference: a variance of (1 / 12) / 12, 11 degrees."""
    answers = np.ones((1, 10))
    own = difference(answers, answers)
    assert (own.mean, own.p) == (0.0, 1.0)
    assert own.high == -own.low == pytest.approx(2.201 / 12, abs=1e-4)


def test_the_interval_of_one_model_a_side_is_that_of_a_share() -> None:
    """50 +- 9.8 in the normal approximation, for 100 examples of which every second is gained."""
    first, second = np.zeros((1, 100)), np.arange(100)[None] % 2
    own = difference(first, second.astype(float))
    assert own.mean == 0.5
    assert (own.low, own.high) == pytest.approx((0.402, 0.598), abs=0.015)
    assert own.p < 0.001


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 30))
def test_sides_can_be_exchanged(seed: int, models: int, examples: int) -> None:
    generator = np.random.default_rng(seed)
    first, second = generator.integers(0, 2, (2, models, examples)).astype(float)
    one, other = difference(first, second), difference(second, first)
    assert one.mean == pytest.approx(-other.mean)
    assert one.high == pytest.approx(-other.low)
    assert one.p == pytest.approx(other.p)
    assert difference(first, first).p == 1


def test_holm_by_hand() -> None:
    """The factors of 0.005, 0.01 and 0.03 are 4, 3 and 2; 0.04 gets no less than 0.03."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


# --- tables ---


def stored(tmp_path: Path) -> Any:
    """Two victims of three checkpoints each: the second loses no example that the first loses."""
    rows = {}
    for number in range(3):
        lost = [row(n, "succeeded" if n % 2 else "failed") for n in range(60)]
        rows["plain", "X", f"plain-{number}"] = lost
        rows["plain", "Y", f"plain-{number}"] = [row(n, "failed") for n in range(60)]
        rows["defended", "X", f"defended-{number}"] = [row(n, "failed") for n in range(60)]
        rows["defended", "Y", f"defended-{number}"] = [row(n, "failed") for n in range(60)]
    return results_of(Store(tmp_path / "store.sqlite"), rows)


def test_attacks_are_compared_on_every_victim(tmp_path: Path) -> None:
    table = between_attacks(stored(tmp_path), "X", "Y").set_index("victim")
    assert table.loc["plain", ["models", "X", "Y", "only X", "only Y"]].tolist() == [
        *("3", "50.0%", "100.0%", "0", "30"),
    ]
    assert table["p"].tolist() == ["≤0.001", "1.000"]
    with pytest.raises(InvalidInputError, match="attacks: expected one of X, Y, got 'Z'"):
        between_attacks(stored(tmp_path), "X", "Z")


def test_probabilities_are_corrected_for_the_lines_of_the_table(tmp_path: Path) -> None:
    table = between_victims(stored(tmp_path), "plain", "defended")
    assert dict(zip(table["attack"] + " " + table["accuracy"], table["p"], strict=True)) == {
        "X before": "1.000",
        "X after": "≤0.001",
        "Y before": "1.000",
        "Y after": "1.000",
    }


def test_tables_mark_what_differs_from_the_baseline(tmp_path: Path) -> None:
    marked = side_by_side(stored(tmp_path), "robust", "plain").set_index("victim")
    assert marked.loc["defended"].tolist() == ["100.0 ± 0.0%†", "100.0 ± 0.0%"]
    assert "†" not in "".join(marked.loc["plain"])
    with pytest.raises(InvalidInputError, match="baseline: expected one of plain, defended, got"):
        side_by_side(stored(tmp_path), "robust", "plane")
    with pytest.raises(InvalidInputError, match="the table: expected one of clean, robust, got"):
        side_by_side(stored(tmp_path), "queries", "plain")
    path = str(tmp_path / "store.sqlite")
    arguments = ["results", "--store", path, "--table", "robust", "--baseline", "plain"]
    done = CliRunner().invoke(main, arguments)
    assert "100.0 ± 0.0%†" in done.stdout
    assert "note: a dagger marks what differs from plain" in done.stderr
