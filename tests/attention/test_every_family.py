"""Every family that the package has a record of, by the few tests that prove most.

The families that stand for every kind have many tests in `test_families`, which runs them for all
others as well, where slow tests run.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForMultipleChoice

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.attention import FAMILIES, Family, family_of, shape_of
from textattack_attend.attention.records.refusals import REFUSED
from textattack_attend.errors import UnsupportedModelError
from textattack_attend.structures import Reach
from textattack_attend.victims.victim import Victim
from tools.plain_softmax import plain_logits, structures_of
from tools.tiny_families.more import ENCODERS

from ..conftest import hooks_of
from ..helpers.tiny_families import (
    CONFIGS,
    MORE,
    SINGLE,
    backends_of,
    is_installed,
    missing,
    model_type_of,
    tiny,
    tiny_tokenizer,
    tiny_victim,
)
from .test_families import assert_padding_changes_nothing, wrapped

TEXT = "the actor was never dull but the plot is"


@cache
def fastest(name: str) -> Victim:
    return tiny_victim(name, backends_of(name)[-1])


@pytest.fixture(params=MORE)
def name(request: pytest.FixtureRequest) -> str:
    """A family, or another configuration of one."""
    found: str = request.param
    if not is_installed(found):
        pytest.skip(missing(found))
    return found


def test_every_record_has_a_tiny_model() -> None:
    assert {model_type_of(one) for one in [*CONFIGS, *MORE]} == set(FAMILIES)


def test_masking_is_that_of_a_plain_softmax_and_leaves_nothing_behind(name: str) -> None:
    victim, plain = fastest(name), tiny_victim(name)
    if name not in SINGLE:
        torch.nn.Module.to(plain.model, torch.double)
    before, hooks = victim.logits([TEXT]), hooks_of(victim.model)
    inputs = plain.inputs.encode([TEXT])
    structures = structures_of(victim.empty_structure(TEXT).shape)
    for which in ("a fifth", "everything"):
        inside = victim.logits([TEXT], [structures[which]])
        assert (inside - before).abs().max() > 1e-3
        expected = plain_logits(plain, inputs, structures[which])
        torch.testing.assert_close(inside, expected, atol=1e-4, rtol=1e-4)
    assert torch.equal(victim.logits([TEXT]), before)
    assert hooks_of(victim.model) == hooks


def test_padding_changes_nothing(name: str) -> None:
    assert_padding_changes_nothing(fastest(name), "right")


def test_texts_of_a_batch_have_the_logits_that_they_have_alone(name: str) -> None:
    texts = [TEXT, "a good film", "dull"]
    alone = torch.cat([fastest(name).logits([text]) for text in texts])
    torch.testing.assert_close(fastest(name).logits(texts), alone, atol=1e-4, rtol=1e-4)


def test_a_probability_is_zero_exactly_where_the_record_says_closed(name: str) -> None:
    (done,) = fastest(name).forward_passes([TEXT], [], [None])
    seen = (done.capture().probabilities > 0).numpy()
    shape = fastest(name).empty_structure(TEXT).shape
    assert seen.shape[:2] == (shape.layers, shape.heads)
    for layer in range(shape.layers):
        assert (seen[layer] <= shape.visible(layer)).all()
        assert (seen[layer].any(0) == shape.visible(layer)).all()


def test_hackattend_runs_and_chooses_nothing_closed(name: str) -> None:
    wrapper = wrapped(fastest(name))
    examples = [(text, int(wrapper.victim.logits([text]).argmax())) for text in (TEXT, "a film")]
    attack: Any = HackAttendLiong2024.build(wrapper, mask_fraction=0.5, max_layers=1)
    for result in attack.attack_many(examples):
        for layer, _, query, key in result.structure.units.tolist():
            assert result.structure.shape.visible(layer)[query, key]


# --- what is refused ---


@pytest.mark.parametrize("model_type", REFUSED)
def test_a_family_without_a_square_softmax_is_refused_with_the_reason(model_type: str) -> None:
    assert model_type not in FAMILIES
    model: Any = SimpleNamespace(config=SimpleNamespace(model_type=model_type))
    with pytest.raises(UnsupportedModelError) as refused:
        family_of(model)
    line = str(refused.value)
    assert line.startswith(f"model type {model_type!r} cannot be attacked: it")
    assert "\n" not in line
    assert "ls families" in line


def test_every_refused_family_is_one_of_transformers() -> None:
    missing_here = {model_type for model_type in REFUSED if model_type not in CONFIG_MAPPING}
    assert missing_here <= {"gemma4", "qwen3_5", "t5gemma2"}  # transformers 5 has them


def test_a_record_that_does_not_fit_the_installed_version_says_which_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny("gpt2")
    monkeypatch.setitem(FAMILIES, "gpt2", replace(FAMILIES["gpt2"], since="77"))
    with pytest.raises(UnsupportedModelError) as refused:
        family_of(model)
    line = str(refused.value)
    installed = transformers.__version__
    assert line.startswith(
        f"models of type 'gpt2': expected transformers 77 or newer, got {installed}; install"
    )


@pytest.mark.parametrize("backend", ["flash_attention_2", "flash_attention_3", "flex_attention"])
def test_a_backend_without_masks_by_head_is_refused_with_the_way_to_load_it(backend: str) -> None:
    model = tiny("llama")
    model.config._attn_implementation_internal = backend
    with pytest.raises(UnsupportedModelError) as refused:
        family_of(model)
    assert str(refused.value) == (
        f"attention backend {backend!r} takes no mask by head; load the model with "
        "attn_implementation set to one of: eager, sdpa"
    )


def test_a_layer_that_lacks_the_named_part_is_refused_in_one_line() -> None:
    model = tiny("gpt2")
    family = Family("gpt2", layers="h", attention="self_attention")
    with pytest.raises(UnsupportedModelError, match="GPT2Block with a part 'self_attention'"):
        family.attention_modules(model)


def test_a_decoder_that_sees_later_tokens_is_refused() -> None:
    model = tiny("qwen2")
    model.config.is_causal = False
    with pytest.raises(UnsupportedModelError, match="is_causal=False: expected a decoder whose"):
        shape_of(model, 5)


def test_different_heads_in_encoder_and_decoder_are_refused() -> None:
    model = tiny("bart")
    model.config.decoder_attention_heads = 2
    with pytest.raises(UnsupportedModelError, match="same number of heads, got 4 and 2"):
        family_of(model)


def test_choices_of_a_model_that_feels_padding_are_refused() -> None:
    config = AutoConfig.for_model("convbert", **ENCODERS["convbert"])
    model = AutoModelForMultipleChoice.from_config(config)
    with pytest.raises(UnsupportedModelError, match="depend on the padding of the shorter ones"):
        Victim(model, tiny_tokenizer("convbert"))


# --- what a query sees, by hand ---


def reach_of(model_type: str, **fields: Any) -> list[Reach]:
    config = AutoConfig.for_model(model_type, num_hidden_layers=2, **fields)
    return list(FAMILIES[model_type].reach(config))


def test_windows_by_hand() -> None:
    assert reach_of("mistral", sliding_window=5) == [Reach(4, 0)] * 2
    assert reach_of("mistral", sliding_window=None) == [Reach(None, 0)] * 2
    mixed = {"layer_types": ["full_attention", "sliding_attention"], "sliding_window": 5}
    assert reach_of("gemma2", **mixed) == [Reach(None, 0), Reach(4, 0)]
    assert reach_of("gemma3_text", **mixed) == [Reach(None, 0), Reach(4, 0)]
    both = {**mixed, "use_bidirectional_attention": True}  # halves the window
    assert reach_of("gemma3_text", **both) == [Reach(), Reach(2, 2)]
    assert reach_of("lfm2", layer_types=["conv", "full_attention"]) == [Reach(None, 0)]


def test_limits_by_hand() -> None:
    def longest(model_type: str, **fields: Any) -> int:
        return FAMILIES[model_type].max_tokens(AutoConfig.for_model(model_type, **fields))

    assert longest("roberta", max_position_embeddings=50) == 48
    assert longest("mpt", max_seq_len=40) == 40
    chunked = {"max_position_embeddings": 99, "attention_chunk_size": 30}
    assert longest("llama4_text", **chunked) == 30
    assert longest("xlnet") == longest("t5") == sys.maxsize
