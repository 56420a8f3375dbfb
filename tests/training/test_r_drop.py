"""R-Drop: a step by hand, and its two passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from textattack_attend.errors import InvalidInputError
from textattack_attend.training.defenses import RDrop, defense_of
from textattack_attend.training.defenses.halves import divergence, repeated

from ..conftest import tiny_model
from ..helpers.defense_steps import FAMILIES, batch, gradients_of, trainer, without_dropout


def kl(p: Tensor, q: Tensor) -> Tensor:
    """The divergence as its definition has it, summed over the classes."""
    return (p * (p / q).log()).sum(-1)


def test_the_divergence_by_hand() -> None:
    p, q = torch.tensor([[0.7, 0.3]]), torch.tensor([[0.4, 0.6]])
    expected = 0.5 * (kl(p, q) + kl(q, p))
    assert float(expected) == pytest.approx(0.5 * 0.3 * (0.5596158 + 0.6931472), abs=1e-6)
    found = divergence(torch.cat([p, q]).log() + 3)  # logits may be shifted
    torch.testing.assert_close(found, expected[0])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_by_hand(family: str, tmp_path: Path, vocabulary: Path) -> None:
    """The mean of the losses of two dropout masks, and twice their divergence."""
    model: Any = tiny_model(family)
    training = trainer(RDrop(weight=2.0), model, tmp_path, vocabulary)
    torch.manual_seed(5)
    loss = training.training_step(model, batch())
    found = gradients_of(model)

    model.zero_grad()
    torch.manual_seed(5)
    twice = repeated(batch())
    logits = model(**twice).logits
    each = -logits.log_softmax(-1)[torch.arange(6), twice["labels"]]
    p, q = logits.softmax(-1).chunk(2)
    assert (p - q).abs().max() > 1e-4  # dropout differs
    expected = each.mean() + 2.0 * 0.5 * (kl(p, q) + kl(q, p)).mean()
    expected.backward()
    assert float(loss) == pytest.approx(float(expected), abs=1e-5)
    for name, gradient in gradients_of(model).items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-3)


def test_without_dropout_it_trains_as_usual(tmp_path: Path, vocabulary: Path) -> None:
    model: Any = without_dropout(tiny_model("bert"))
    loss = trainer(RDrop(), model, tmp_path, vocabulary).training_step(model, batch())
    found = gradients_of(model)
    model.zero_grad()
    expected = model(**batch()).loss
    expected.backward()
    assert float(loss) == pytest.approx(float(expected), abs=1e-5)
    for name, gradient in gradients_of(model).items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-3)


def test_a_weight_below_zero_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="weight: expected a number in"):
        defense_of("r-drop", weight=-1.0)
