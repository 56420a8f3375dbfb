"""Wrappers of trained checkpoints: the card, another precision, choices."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import BertForMultipleChoice, BertTokenizerFast

from textattack_attend.checkpoints.card import Card
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import (
    AttentionModelWrapper,
    DefendedModelWrapper,
    wrapper_for,
)

from ..conftest import tiny_config, tiny_model

CARD = Card(
    "sst2", "freelb", {"steps": 3}, "m", "d", 1e-5, 32, 3, 128, {}, 0, "float32", accuracy=0.9
)


@pytest.fixture
def checkpoint(tmp_path: Path, vocabulary: Path) -> Path:
    tiny_model("bert").save_pretrained(tmp_path)
    BertTokenizerFast(str(vocabulary)).save_pretrained(tmp_path)
    return tmp_path


def test_a_card_makes_a_defended_wrapper(checkpoint: Path) -> None:
    assert type(wrapper_for(str(checkpoint))) is AttentionModelWrapper
    CARD.write(checkpoint)
    wrapper = wrapper_for(str(checkpoint), max_tokens=7)
    assert isinstance(wrapper, DefendedModelWrapper)
    assert wrapper.card == CARD
    assert wrapper.defense == "freelb (steps=3)"
    other = AttentionModelWrapper.of(wrapper, "bfloat16")
    assert isinstance(other, DefendedModelWrapper)
    assert (other.card, other.victim.precision) == (CARD, "bfloat16")
    assert other.victim.max_tokens == 7
    texts = ["a good film", "dull"]
    assert torch.equal(wrapper(texts), other(texts))


def test_a_damaged_card_is_refused(checkpoint: Path) -> None:
    (checkpoint / "card.json").write_text('{"task": "sst2"')
    with pytest.raises(InvalidInputError, match=r"card.json: expected the card of a trained model"):
        wrapper_for(str(checkpoint))
    (checkpoint / "card.json").write_text('{"task": "sst2"}')
    with pytest.raises(InvalidInputError, match="delete it to go without"):
        wrapper_for(str(checkpoint))


def test_choices_are_scored(tmp_path: Path, vocabulary: Path) -> None:
    BertForMultipleChoice(tiny_config("bert")).save_pretrained(tmp_path)
    BertTokenizerFast(str(vocabulary)).save_pretrained(tmp_path)
    scores = wrapper_for(str(tmp_path))([("a film", "is it", "good", "bad", "dull")])
    assert scores.shape == (1, 3)
