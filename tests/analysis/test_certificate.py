"""Certificates of a smoothed victim: the statistics, and that no structure breaks the bound."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerBase

from textattack_attend.analysis.certificate import (
    Certificate,
    Smoothing,
    certificates,
    certified_curve,
    lower_bound,
    random_structure,
)
from textattack_attend.commands.main import main
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Budget, Shape, Structure
from textattack_attend.victims.victim import Victim

from ..conftest import MAX_TOKENS, PAD, MakeVictim

DATA = str(VICTIM_PATH.parent / "reviews.tsv")


@pytest.mark.parametrize(("successes", "trials"), [(1, 10), (7, 10), (990, 1000), (1000, 1000)])
def test_the_bound_is_the_exact_one(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials, alternative="greater")
    interval = expected.proportion_ci(confidence_level=0.999, method="exact")
    assert lower_bound(successes, trials, 0.001) == pytest.approx(interval.low)


def test_no_success_has_no_bound() -> None:
    assert lower_bound(0, 10, 0.001) == 0


@pytest.mark.parametrize(
    ("alpha", "share", "units"),
    [
        (0.9, 0.99, 6),
        (0.9, 0.51, 0),
        (0.9, 0.5, -1),
        (0.5, 1.0, 0),
        (0.4, 0.95, 0),
        (0.99, 0.99, 66),
    ],
)
def test_the_radius_by_hand(alpha: float, share: float, units: int) -> None:
    """At alpha 0.9, 1 - 0.9 ** 6 is 0.469 and 1 - 0.9 ** 7 is 0.522, and 0.49 lies between."""
    assert Smoothing(alpha).radius(share) == units


@given(st.floats(0.01, 0.9999), st.floats(0.5001, 1.0))
def test_the_radius_is_the_largest_number_with_a_majority(alpha: float, share: float) -> None:
    units = Smoothing(alpha).radius(share)
    assert share - (1 - alpha**units) > 0.5
    assert share - (1 - alpha ** (units + 1)) <= 0.5 + 1e-9


def test_structures_are_drawn_at_the_rate_of_alpha_and_spare_the_first_token() -> None:
    shape = Shape(2, 3, 20)
    draw = np.random.default_rng(0)
    drawn = [random_structure(shape, Smoothing(0.3), draw).dense() for _ in range(20)]
    attackable = Budget(1).attackable(shape, 0)
    rate = np.mean([dense[:, :, attackable].mean() for dense in drawn])
    assert rate == pytest.approx(0.3, abs=0.01)
    assert not any(dense[:, :, ~attackable].any() for dense in drawn)


def one_matrix(tokenizer: PreTrainedTokenizerBase, seed: int) -> AttentionModelWrapper:
    """A model of one head in one layer, whose answer hangs on its units."""
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=16,
        max_position_embeddings=MAX_TOKENS,
        initializer_range=1.0,
        pad_token_id=PAD,
        num_labels=2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BertForSequenceClassification(config).eval()
    return AttentionModelWrapper(model, tokenizer)


def test_no_structure_takes_more_votes_than_the_bound_says(make_victim: MakeVictim) -> None:
    """All 512 structures of a text of 3 tokens, as votes, and all attacks of up to 3 units."""
    alpha = 0.6
    smoothing = Smoothing(alpha, spare_first_token=False)
    tightest = 1.0
    for seed in range(4):
        wrapper = one_matrix(make_victim().tokenizer, seed)
        shape = wrapper.victim.empty_structure("film").shape
        assert shape.size == (1, 1, 3, 3)
        cells = list(product(range(3), range(3)))
        masks = np.array(list(product([0, 1], repeat=9)), dtype=bool)
        structures = [
            Structure.from_units(shape, [(0, 0, *cells[n]) for n in np.flatnonzero(m)])
            if m.any()
            else Structure(shape)
            for m in masks
        ]
        answers = wrapper.victim.logits(["film"] * 512, structures).argmax(-1).numpy()
        number = {mask.tobytes(): n for n, mask in enumerate(masks)}
        weights = np.prod(np.where(masks, alpha, 1 - alpha), axis=1)
        assert weights.sum() == pytest.approx(1)
        for answer in (0, 1):
            clean = weights[answers == answer].sum()
            for size in (1, 2, 3):
                for attacked in combinations(range(9), size):
                    joined = masks.copy()
                    joined[:, attacked] = True
                    after = answers[[number[mask.tobytes()] for mask in joined]]
                    left = weights[after == answer].sum()
                    bound = clean - (1 - alpha**size)
                    assert left >= bound - 1e-12
                    tightest = min(tightest, left - bound)
                    if smoothing.radius(clean) >= size:
                        assert left > 0.5
    assert tightest < 0.3  # some attack comes near the bound


def test_certificates_count_votes_and_repeat_with_their_seed(make_victim: MakeVictim) -> None:
    victim: Victim = make_victim()
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    smoothing = Smoothing(0.5, votes=150, seed=3)
    texts = ["a good film", "the actor was never dull"]
    first, again = (list(certificates(wrapper, texts, smoothing)) for _ in range(2))
    assert first == again
    for text, own in zip(texts, first, strict=True):
        clean = int(victim.logits([text]).argmax())
        assert own.share <= lower_bound(150, 150, 0.001)
        assert own.units == smoothing.radius(own.share)
        if own.units > 0:
            assert own.answer == clean
    unmasked = next(certificates(wrapper, texts, Smoothing(1e-9, votes=150)))
    assert unmasked.answer == int(victim.logits([texts[0]]).argmax())
    assert unmasked.share == lower_bound(150, 150, 0.001)


def test_the_curve_counts_right_answers_with_a_certificate() -> None:
    examples = [("a", 0), ("b", 1), ("c", 1), ("d", 0)]
    found = [
        Certificate(0, 0.9, 4),
        Certificate(1, 0.6, 0),
        Certificate(0, 0.9, 4),
        Certificate(0, 0.4, -1),
    ]
    assert list(certified_curve(examples, found, [0, 1, 4, 5])) == [2 / 4, 1 / 4, 1 / 4, 0]


def test_the_command_prints_a_falling_curve(tmp_path: Path) -> None:
    given = ["certify", "--model", "attend-demo", "--data", f"{DATA}^sst2", "--num-examples", "4"]
    done = CliRunner().invoke(main, [*given, "--votes", "100", "--alpha", "0.8"])
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines() if "%" in line]
    assert [int(units) for units, _ in rows][:1] == [0]
    shares = [float(share.rstrip("%")) for _, share in rows]
    assert shares == sorted(shares, reverse=True)
    assert "of 4; the largest certificate is" in done.stdout


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--votes", "9"], "votes: expected at least 10, as fewer cannot show a majority with an"),
        (["--alpha", "1"], "alpha: expected a share in"),
        (["--error", "0"], "error: expected a share in"),
    ],
)
def test_what_cannot_be_certified_is_one_line(options: list[str], line: str) -> None:
    given = ["certify", "--model", "attend-demo", "--data", f"{DATA}^sst2", *options]
    done = CliRunner().invoke(main, given)
    assert done.exit_code != 0
    assert line in str(done.exception or done.output) + done.output


def test_too_few_votes_are_refused_in_python() -> None:
    with pytest.raises(InvalidInputError, match="votes: expected at least 4"):
        Smoothing(error=0.1, votes=3)
