"""The effects of masked units, against the structure without each unit, computed plainly."""

from __future__ import annotations

import gc
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from transformers import BertForMultipleChoice, BertTokenizerFast

from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus
from textattack_attend.attacks.effects import pairs_by_effect
from textattack_attend.attacks.results import StructureAttackResult
from textattack_attend.errors import InvalidInputError, StructureMismatchError
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Shape, Structure
from textattack_attend.victims.victim import Victim

from ..conftest import FAMILIES, MakeVictim, random_texts, tiny_config
from ..helpers.tiny_families import tiny_victim
from ..oracles.plain_hackattend_plus import effects as first_order
from ..oracles.plain_model import PlainModel, Unit, attention_gradients

TEXT = "the film was never dull"
OPTIONS: dict[str, Any] = {"mask_fraction": 0.2, "spare_first_token": False}
COLUMNS = ["layer", "head", "query", "key", "effect", "query_position", "key_position"]


def wrapper_of(victim: Victim) -> AttentionModelWrapper:
    model = victim.model.language_model if victim.prompt else victim.model
    return AttentionModelWrapper(model, victim.tokenizer, prompt=victim.prompt)


def attacked(wrapper: AttentionModelWrapper, text: Any = TEXT) -> StructureAttackResult:
    columns = text if isinstance(text, str) else tuple(text.values())
    label = int(wrapper([columns]).argmax())
    return HackAttendLiong2024.build(wrapper, **OPTIONS).attack(text, label)


def units_of(pairs: pd.DataFrame) -> list[Unit]:
    """The units in the order of the rows."""
    rows = pairs[["layer", "head", "query_position", "key_position"]]
    return list(rows.itertuples(index=False, name=None))


def margin(logits: Any, label: int) -> float:
    """The best wrong logit minus that of the label."""
    return float(np.delete(logits, label).max() - logits[label])


def effects_by(logits: Callable[[list[Unit]], Any], units: list[Unit], label: int) -> list[float]:
    """The effects, from a function that gives the logits when some units are masked."""
    whole = margin(logits(units), label)
    return [
        whole - margin(logits([other for other in units if other != unit]), label) for unit in units
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_effects_are_those_of_a_plain_model(family: str, make_victim: MakeVictim) -> None:
    victim = make_victim(family)
    result = attacked(wrapper := wrapper_of(victim))
    pairs = result.pairs(wrapper)
    assert list(pairs.columns) == COLUMNS
    assert sorted(units_of(pairs)) == [tuple(unit) for unit in result.structure.units.tolist()]
    plain = PlainModel(victim.model)
    ids = victim.tokenizer(TEXT)["input_ids"]
    label = result.original_result.ground_truth_output
    expected = effects_by(
        lambda units: plain.logits(ids, frozenset(units)).numpy(), units_of(pairs), label
    )
    np.testing.assert_allclose(pairs["effect"], expected, rtol=1e-3, atol=1e-4)
    assert np.abs(expected).max() > 0.01
    assert pairs["effect"].is_monotonic_decreasing


def test_tokens_are_named_as_the_attack_prints_them(make_victim: MakeVictim) -> None:
    victim = make_victim()
    wrapper, text = wrapper_of(victim), "the film was the film"
    structure = Structure.from_units(Shape(3, 4, 7), [[0, 1, 1, 4], [2, 3, 2, 3]])
    pairs = pairs_by_effect(wrapper.victim, text, structure, 0).sort_values("layer")
    assert pairs[["layer", "head", "query", "key"]].to_numpy().tolist() == [
        [0, 1, "the[1]", "the[4]"],
        [2, 3, "film[2]", "was"],
    ]


def chooser(vocabulary: Any) -> AttentionModelWrapper:
    model = BertForMultipleChoice(tiny_config("bert")).eval()
    return AttentionModelWrapper(model, BertTokenizerFast(str(vocabulary)))


QUESTION = OrderedDict(
    context="the film was never dull", question="was the film", a="good", b="cold and bad", c="warm"
)


@pytest.mark.parametrize("kind", ["choices", "prompt", "seq2seq prompt", "crosswise"])
def test_effects_of_other_inputs(kind: str, vocabulary: Any) -> None:
    text: Any = TEXT
    if kind == "choices":
        wrapper, text = chooser(vocabulary), QUESTION
    elif kind == "crosswise":
        victim = tiny_victim("bart crosswise")
        wrapper = AttentionModelWrapper(victim.model, victim.tokenizer, cross_attention=True)
    else:
        use = "gpt2 prompted" if kind == "prompt" else "t5 prompted"
        wrapper = wrapper_of(tiny_victim(use))
    result = attacked(wrapper, text)
    pairs = result.pairs()
    assert len(pairs) == len(result.structure) > 0
    victim, label = wrapper.victim, result.original_result.ground_truth_output

    def whole_pass(units: list[Unit]) -> Any:
        structure = Structure.from_units(result.structure.shape, units)
        return victim.logits_alone(result.text, structure).numpy()

    expected = effects_by(whole_pass, units_of(pairs), label)
    np.testing.assert_allclose(pairs["effect"], expected, rtol=1e-3, atol=1e-4)
    assert np.abs(expected).max() > 1e-3


def test_more_units_than_asked_about_are_chosen_by_their_first_order_effect(
    make_victim: MakeVictim,
) -> None:
    victim, label, most = make_victim(), 0, 5
    shape = victim.empty_structure(TEXT).shape
    structure = Structure.from_units(
        shape, np.argwhere(np.random.default_rng(0).random(shape.size) < 0.1)
    )
    whole = pairs_by_effect(victim, TEXT, structure, label)
    few = pairs_by_effect(victim, TEXT, structure, label, most)
    assert len(few) == len(whole) > 20
    known = few[few["effect"].notna()]
    assert known.index.tolist() == list(range(most))

    plain, ids = PlainModel(victim.model), victim.tokenizer(TEXT)["input_ids"]
    masked = frozenset(units_of(whole))
    attention = attention_gradients(
        plain, ids, lambda logits: logits[[1, 2]].max() - logits[label], masked
    )
    estimates = first_order(plain, ids, attention, masked)
    expected = sorted(masked, key=lambda unit: -estimates[unit])[:most]
    assert set(units_of(known)) == set(expected)
    exact = dict(zip(units_of(whole), whole["effect"], strict=True))
    asked = [exact[unit] for unit in units_of(known)]
    np.testing.assert_allclose(known["effect"], asked, rtol=1e-4, atol=1e-5)


def test_the_attack_counts_what_it_counted(make_victim: MakeVictim) -> None:
    wrapper = wrapper_of(make_victim())
    attack = HackAttendPlus.build(wrapper, **OPTIONS)
    results = []
    for text in random_texts(3):
        label = int(wrapper([text]).argmax())
        before = attack.attack(text, label)
        first = before.pairs()
        after = attack.attack(text, label)
        assert after.structure == before.structure
        assert after.num_queries == before.num_queries
        assert after.gradient_passes == before.gradient_passes
        pd.testing.assert_frame_equal(first, before.pairs())
        results.append(before)
    assert any(len(result.structure) for result in results)


def test_a_skipped_example_has_no_pairs(make_victim: MakeVictim) -> None:
    wrapper = wrapper_of(make_victim())
    wrong = (int(wrapper([TEXT]).argmax()) + 1) % 3
    pairs = HackAttendLiong2024.build(wrapper).attack(TEXT, wrong).pairs()
    assert list(pairs.columns) == COLUMNS
    assert pairs.empty


def test_a_pickled_result_is_small_and_asks_for_its_victim(make_victim: MakeVictim) -> None:
    wrapper = wrapper_of(make_victim())
    result = attacked(wrapper)
    pickled = pickle.dumps(result)
    assert len(pickled) < 50_000
    again: StructureAttackResult = pickle.loads(pickled)
    with pytest.raises(InvalidInputError, match=r"give its wrapper, as pairs\(wrapper\)"):
        again.pairs()
    pd.testing.assert_frame_equal(again.pairs(wrapper), result.pairs())


def test_a_result_does_not_keep_its_victim(make_victim: MakeVictim) -> None:
    result = attacked(wrapper_of(make_victim()))
    gc.collect()
    with pytest.raises(InvalidInputError, match="which is not there any more"):
        result.pairs()


def test_a_victim_that_does_not_fit_is_refused(make_victim: MakeVictim) -> None:
    result = attacked(wrapper_of(make_victim()))
    with pytest.raises(StructureMismatchError, match="another model or to a text of another"):
        result.pairs(wrapper_of(tiny_victim("gpt2")))


@pytest.mark.parametrize("most", [0, 2.5, True])
def test_a_number_of_units_that_is_none(most: Any, make_victim: MakeVictim) -> None:
    wrapper = wrapper_of(make_victim())
    with pytest.raises(InvalidInputError, match="most: expected"):
        attacked(wrapper).pairs(most=most)
