"""Neighbours in a batch never change or stop a result: end tokens inside texts, in any number."""

from __future__ import annotations

import random
from functools import cache
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import AlbertConfig, AutoModelForSequenceClassification

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.errors import AttendError
from textattack_attend.models.wrappers import AttentionModelWrapper, SmoothedModelWrapper
from textattack_attend.structures import Structure
from textattack_attend.victims.victim import Victim
from tools.speed import outcome_of

from ..conftest import WORDS
from ..helpers.tiny_families import tiny, tiny_tokenizer

PAIRS = ("bart", "t5")
"""Encoder-decoders that classify."""
TEXTS = [
    "the plot is </s> good",
    "a dull film",
    "</s>",
    "never </s> </s> bad but good",
    "great </s> story",
    "</s> </s> cold",
]


@cache
def wrapper_of(
    family: str, pads_with_end: bool = False, dtype: torch.dtype = torch.float32
) -> AttentionModelWrapper:
    """A model that tests share; a test leaves it as it found it."""
    tokenizer, model = tiny_tokenizer(family), tiny(family)
    cast(nn.Module, model).to(dtype)
    if pads_with_end:
        tokenizer.pad_token = tokenizer.eos_token
        model.config.pad_token_id = tokenizer.eos_token_id
    return AttentionModelWrapper(model, tokenizer)


@pytest.fixture(params=PAIRS)
def victim(request: pytest.FixtureRequest) -> Victim:
    return wrapper_of(request.param).victim


def loss(logits: Any) -> Any:
    return logits[0, 0] - logits[0, 1]


def structure_of(victim: Victim, text: str, seed: int) -> Structure:
    shape = victim.empty_structure(text).shape
    generator = random.Random(seed)
    chosen = [(i, j) for i in range(shape.layers) for j in range(shape.heads)]
    return Structure.whole(shape, generator.sample(chosen, 3))


@settings(max_examples=8, deadline=None)
@given(
    family=st.sampled_from(PAIRS),
    pads_with_end=st.booleans(),
    texts=st.lists(
        st.lists(st.sampled_from([*WORDS[:5], "</s>", "<pad>"]), min_size=1, max_size=6).map(
            " ".join
        ),
        min_size=1,
        max_size=5,
    ),
)
def test_every_text_gets_the_logits_that_it_has_alone(
    family: str, pads_with_end: bool, texts: list[str]
) -> None:
    # Scores of T5 are large, so single precision alone moves logits by more than neighbours may.
    victim = wrapper_of(family, pads_with_end, torch.float64).victim
    structures = [structure_of(victim, text, number) for number, text in enumerate(texts)]
    for masked in (None, structures):
        together = victim.logits(texts, masked)
        alone = [
            victim.logits([text], None if masked is None else [masked[number]])
            for number, text in enumerate(texts)
        ]
        torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-5)


def test_and_the_attention_and_its_gradient(victim: Victim) -> None:
    together = victim.read(TEXTS, [loss] * len(TEXTS))
    assert [reading.text for reading in together] == TEXTS
    for reading in together:
        (alone,) = victim.read([reading.text], [loss])
        torch.testing.assert_close(
            reading.forward_pass.logits, alone.forward_pass.logits, atol=1e-5, rtol=1e-5
        )
        found, expected = reading.forward_pass.capture(), alone.forward_pass.capture()
        torch.testing.assert_close(found.probabilities, expected.probabilities)
        torch.testing.assert_close(found.gradients, expected.gradients, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", PAIRS)
def test_attacks_side_by_side_decide_what_they_decide_alone(family: str) -> None:
    wrapper = wrapper_of(family)
    examples = [(text, int(wrapper.victim.logits([text]).argmax())) for text in TEXTS[:4]]
    attack = HackAttendLiong2024.build(wrapper, mask_fraction=0.4, max_layers=3)
    together = [outcome_of(result) for result in attack.attack_many(examples)]
    assert together == [outcome_of(attack.attack(*example)) for example in examples]


def test_smoothed_answers_are_those_of_each_text(victim: Victim) -> None:
    wrapper = wrapper_of(victim.model.config.model_type)
    smoothed = SmoothedModelWrapper(wrapper, alpha=0.2, passes=2)
    alone = torch.cat([smoothed([text]) for text in TEXTS[:3]])
    torch.testing.assert_close(smoothed(TEXTS[:3]), alone, atol=1e-5, rtol=1e-5)


def test_cross_attention_of_such_texts() -> None:
    victim = Victim(tiny("bart"), tiny_tokenizer("bart"), cross_attention=True)
    structures = [structure_of(victim, text, 1) for text in TEXTS]
    together = victim.logits(TEXTS, structures)
    alone = [victim.logits([t], [s]) for t, s in zip(TEXTS, structures, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-5)


def test_a_tokenizer_that_ends_no_text_is_refused() -> None:
    with pytest.raises(AttendError, match="expected a tokenizer that ends every text with token 2"):
        Victim(tiny("t5"), tiny_tokenizer("gemma"))


# --- configurations ---


@pytest.mark.parametrize("family", ["albert", "bart", "gpt2", "llama", "t5"])
@pytest.mark.parametrize(
    "setting", [{"return_dict": False}, {"torchscript": True}, {"output_attentions": True}]
)
def test_a_configuration_may_ask_for_other_outputs(family: str, setting: dict[str, bool]) -> None:
    expected = wrapper_of(family).victim
    victim = Victim(tiny(family), tiny_tokenizer(family))
    victim.model.config.update(setting)
    text = "the plot is good"
    shape = victim.empty_structure(text).shape
    structure = Structure.whole(shape, [(0, 1), (shape.layers - 1, 2)])
    for each in (victim, expected):
        (reading,) = each.read([text], [loss])
        assert reading.forward_pass.capture().gradients is not None
        assert each.logits_from([(reading, structure)]).isfinite().all()
    assert torch.equal(victim.logits([text], [structure]), expected.logits([text], [structure]))
    assert {name: getattr(victim.model.config, name) for name in setting} == setting


def test_a_checkpoint_made_for_torchscript_is_loaded_and_attacked(tmp_path: Any) -> None:
    """The embeddings of such a model are not tied."""
    if not hasattr(AlbertConfig(), "torchscript"):
        pytest.skip("transformers 5 knows no checkpoints made for TorchScript")
    tiny("albert").save_pretrained(tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path, torchscript=True)
    victim = Victim(model, tiny_tokenizer("albert"))
    expected = wrapper_of("albert").victim.logits(["a dull film"])
    torch.testing.assert_close(victim.logits(["a dull film"]), expected)
