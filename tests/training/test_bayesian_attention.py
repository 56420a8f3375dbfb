"""Bayesian attention: its distributions, a step by hand, and evaluation without a draw."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.nn.functional import cross_entropy, pad

from textattack_attend.errors import InvalidInputError
from textattack_attend.training.defenses import BayesianAttention, defense_of
from textattack_attend.training.defenses.bayesian_attention import (
    divergence_from_gamma,
    drawn_weights,
)

from ..conftest import hooks_of, tiny_model
from ..helpers.defense_steps import batch, gradients_of, trainer, without_dropout


@pytest.mark.parametrize(
    ("mean", "shape", "alpha", "beta"), [(0.3, 10, 0.2, 1.0), (0.05, 2, 1.5, 3.0)]
)
def test_the_divergence_is_the_integral(
    mean: float, shape: float, alpha: float, beta: float
) -> None:
    weibull = stats.weibull_min(shape, scale=mean / math.gamma(1 + 1 / shape))
    assert weibull.mean() == pytest.approx(mean)
    gamma = stats.gamma(alpha, scale=1 / beta)

    def integrand(x: float) -> float:
        return float(weibull.pdf(x) * (weibull.logpdf(x) - gamma.logpdf(x)))

    expected, _ = integrate.quad(integrand, weibull.ppf(1e-12), weibull.ppf(1 - 1e-12))
    log_mean = torch.tensor(math.log(mean), dtype=torch.float64)
    found = divergence_from_gamma(log_mean, shape, torch.tensor(alpha, dtype=torch.float64), beta)
    assert float(found) == pytest.approx(expected, abs=1e-6)


def test_draws_are_normalised_weibull_variables() -> None:
    """The share of the first of two units is distributed as scipy draws it."""
    torch.manual_seed(0)
    rows = 40_000
    log_weights = torch.tensor([0.7, 0.3]).log().expand(rows, 2)
    shares = drawn_weights(log_weights, 3.0)
    torch.testing.assert_close(shares.sum(-1), torch.ones(rows))
    drawn = np.array([0.7, 0.3]) * stats.weibull_min(3.0).rvs((rows, 2), random_state=1)
    by_scipy = drawn[:, 0] / drawn.sum(-1)
    assert stats.ks_2samp(shares[:, 0].numpy(), by_scipy).pvalue > 0.001
    assert stats.ks_2samp(shares[:, 1].numpy(), by_scipy).pvalue < 1e-6  # the test can tell


def test_units_that_are_closed_stay_closed() -> None:
    log_weights = torch.tensor([[0.5, 0.5, 0.0]]).log()
    assert (drawn_weights(log_weights.expand(1000, 3), 1.0)[:, 2] == 0).all()


def test_a_step_without_noise_by_hand(tmp_path: Path, vocabulary: Path) -> None:
    """A high shape draws the mean; then the loss is the task's and a divergence by hand."""
    model: Any = without_dropout(tiny_model("bert", "sdpa"))
    options = BayesianAttention(shape=1e6, weight=0.3, prior_shape=0.5, prior_rate=2.0)
    training: Any = trainer(options, model, tmp_path, vocabulary)
    inputs = batch()
    loss = training.training_step(model, dict(inputs))
    found = gradients_of(model)
    assert hooks_of(model) == []

    model.zero_grad()
    model.set_attn_implementation("eager")
    output = model(**inputs, output_attentions=True)
    real = inputs["attention_mask"].bool()
    visible = (real[:, None, :, None] & real[:, None, None, :]).expand_as(output.attentions[0])
    divergences = [
        divergence_from_gamma(attention[visible].log(), 1e6, torch.tensor(0.5), 2.0).mean()
        for attention in output.attentions
    ]
    expected: Any = output.loss + 0.3 * torch.stack(divergences).mean()
    expected.backward()
    assert float(loss) == pytest.approx(float(expected), abs=1e-4)
    for name, gradient in gradients_of(model).items():
        torch.testing.assert_close(found[name], gradient, atol=1e-4, rtol=1e-2)


def test_a_contextual_prior_is_learnt(tmp_path: Path, vocabulary: Path) -> None:
    model: Any = without_dropout(tiny_model("bert", "sdpa"))
    options = BayesianAttention(prior="contextual", prior_rate=1.0)
    training: Any = trainer(options, model, tmp_path, vocabulary)
    before = [weight.detach().clone() for weight in training.companion.parameters()]
    training.training_step(model, batch())
    moved = [
        not torch.equal(one, other)
        for one, other in zip(before, training.companion.parameters(), strict=True)
    ]
    # A prior is normalised over the keys, so what is added to all of them is not learnt.
    assert sum(moved) >= len(moved) * 3 // 4


@pytest.mark.parametrize("prior", ["constant", "contextual"])
def test_padding_has_no_part(prior: str, tmp_path: Path, vocabulary: Path) -> None:
    model: Any = without_dropout(tiny_model("bert", "sdpa"))
    losses = []
    for more in (0, 4):
        torch.manual_seed(0)
        options = BayesianAttention(shape=1e6, prior=prior, prior_rate=1.0)
        training: Any = trainer(options, model, tmp_path, vocabulary)
        inputs = {
            name: rows if rows.ndim == 1 else pad(rows, (0, more)) for name, rows in batch().items()
        }
        losses.append(float(training.training_step(model, inputs)))
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_evaluation_draws_nothing(tmp_path: Path, vocabulary: Path) -> None:
    model: Any = without_dropout(tiny_model("bert", "sdpa"))
    training: Any = trainer(BayesianAttention(), model, tmp_path, vocabulary)
    inputs = batch(12)
    losses = [float(training.training_step(model, batch())) for _ in range(2)]
    assert losses[0] != losses[1]
    judged = training.evaluate(training.train_dataset)["eval_loss"]
    plain = cross_entropy(model.eval()(**inputs).logits, inputs["labels"])
    assert judged == pytest.approx(float(plain), abs=1e-5)


def test_options_that_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="prior: expected"):
        defense_of("bayesian-attention", prior="of keys")
    with pytest.raises(InvalidInputError, match="shape: expected a number in"):
        defense_of("bayesian-attention", shape=0.0)
