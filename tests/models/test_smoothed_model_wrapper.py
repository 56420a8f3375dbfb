"""Smoothing at inference: by hand, whatever the batch, and refused where it would not count."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertTokenizerFast

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.errors import InvalidInputError, UnsupportedModelError
from textattack_attend.models.wrappers import AttentionModelWrapper, SmoothedModelWrapper
from textattack_attend.rankings.ranking import generator_for
from textattack_attend.structures import Structure

from ..conftest import random_texts, tiny_model

TEXT = "the actor was never dull"


@pytest.fixture
def wrapper(vocabulary: Path) -> AttentionModelWrapper:
    return AttentionModelWrapper(tiny_model("bert"), BertTokenizerFast(str(vocabulary)))


def test_the_mean_over_structures(wrapper: AttentionModelWrapper) -> None:
    shape = wrapper.victim.empty_structure(TEXT).shape
    expected = torch.zeros(1, 3)
    for number in range(4):
        drawn = generator_for(TEXT, 7, f"smoothing {number}").random(shape.size) < 0.3
        drawn &= ~drawn.all(-1, keepdims=True)
        structure = Structure.from_units(shape, np.argwhere(drawn))
        expected += wrapper.victim.logits([TEXT], [structure]).softmax(-1) / 4
    smoothed = SmoothedModelWrapper(wrapper, 0.3, passes=4, seed=7)
    torch.testing.assert_close(smoothed([TEXT]), expected)
    assert (smoothed([TEXT]) - wrapper([TEXT]).softmax(-1)).abs().max() > 1e-3


def test_answers_depend_on_text_and_seed_alone(wrapper: AttentionModelWrapper) -> None:
    texts = random_texts(5)
    smoothed = SmoothedModelWrapper(wrapper, 0.2)
    together = smoothed(texts)
    alone = torch.cat([smoothed([text]) for text in reversed(texts)]).flip(0)
    torch.testing.assert_close(together, alone)
    torch.testing.assert_close(together.sum(-1), torch.ones(5))
    other = SmoothedModelWrapper(wrapper, 0.2, seed=1)(texts)
    assert not torch.allclose(together, other)


def test_it_is_said_that_this_is_random(
    wrapper: AttentionModelWrapper, caplog: pytest.LogCaptureFixture
) -> None:
    smoothed = SmoothedModelWrapper(wrapper, 0.2)
    assert "behind a random defense is no evidence by itself" in caplog.text
    assert smoothed.defense == "smoothed at inference (alpha=0.2, passes=8, seed=0)"
    assert caplog.records[0].levelno == logging.WARNING


def test_attacks_on_attention_are_refused(wrapper: AttentionModelWrapper) -> None:
    with pytest.raises(UnsupportedModelError, match="got SmoothedModelWrapper"):
        HackAttendLiong2024.build(SmoothedModelWrapper(wrapper, 0.2))


def test_options_that_are_refused(wrapper: AttentionModelWrapper) -> None:
    with pytest.raises(InvalidInputError, match=r"alpha: expected a share in \(0, 1\), got 1.0"):
        SmoothedModelWrapper(wrapper, 1.0)
    with pytest.raises(InvalidInputError, match="passes: expected at least 1, got 0"):
        SmoothedModelWrapper(wrapper, 0.2, passes=0)
