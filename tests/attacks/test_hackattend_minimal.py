"""HackAttend-Minimal: its answers against an exhaustive search, and what it promises of each."""

from __future__ import annotations

import logging
from itertools import combinations, islice
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerBase

from textattack_attend.attack_recipes import HackAttendMinimal
from textattack_attend.attacks.results import SuccessfulAttackResult
from textattack_attend.attacks.transformations.whole_model_reselection import strongest
from textattack_attend.attention import masked_where
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Budget, Shape, Structure
from textattack_attend.victims.victim import Victim

from ..conftest import MAX_TOKENS, PAD, MakeVictim, random_texts

SEEDS = range(10)
WORDS = 3
"""With [CLS] and [SEP] there are 5 tokens."""
LARGEST = 3
"""The largest structures of which every one is tried, 41,664 of 64 units."""


def smallest_victim(tokenizer: PreTrainedTokenizerBase, seed: int) -> Victim:
    """Returns a model of 2 layers of 2 heads, whose logits feel a masked unit."""
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=MAX_TOKENS,
        initializer_range=0.8,
        pad_token_id=PAD,
        num_labels=3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BertForSequenceClassification(config).eval()
    return Victim(model, tokenizer)


def flipped(victim: Victim, text: str, structures: list[Any]) -> bool:
    """Returns whether masking any of some sets of units, (N, size, 4), changes the prediction."""
    inputs = victim.tokenizer([text], return_tensors="pt")
    tokens = inputs["input_ids"].shape[1]
    units = torch.tensor(np.array(structures))
    masks = torch.zeros(2, len(units), 2, tokens, tokens, dtype=torch.bool)
    row = torch.arange(len(units))[:, None].expand(units.shape[:2])
    layer, head, query, key = units.unbind(-1)
    masks[layer, row, head, query, key] = True
    rows = {name: own.expand(len(units), -1) for name, own in inputs.items()}
    with torch.inference_mode():
        clean = victim.model(**inputs).logits.argmax(-1)
        with masked_where(victim.model, list(masks)):
            found = victim.model(**rows).logits.argmax(-1)
    return bool((found != clean).any())


def fewest(victim: Victim, text: str, spare: bool, below: int) -> int:
    """Returns the size of the smallest structure that flips, of those smaller than a size."""
    shape = victim.empty_structure(text).shape
    budget = Budget(1.0, spare)
    attackable = [
        (layer, head, *unit)
        for layer in range(2)
        for head in range(2)
        for unit in np.argwhere(budget.attackable(shape, layer)).tolist()
    ]
    for size in range(1, below):
        every = combinations(attackable, size)
        while some := list(islice(every, 4096)):
            if flipped(victim, text, some):
                return size
    return below


@pytest.mark.parametrize("spare", [True, False], ids=["[CLS] spared", "[CLS] attackable"])
def test_the_fewest_units_are_found(spare: bool, make_victim: MakeVictim) -> None:
    """Against every structure of fewer units; 95% of the answers must be the true minimum."""
    tokenizer = make_victim().tokenizer
    texts = [text for text in random_texts(400, seed=3) if len(text.split()) == WORDS][:6]
    found: list[tuple[int, int]] = []
    for seed in SEEDS:
        victim = smallest_victim(tokenizer, seed)
        attack = HackAttendMinimal.build(
            AttentionModelWrapper(victim.model, tokenizer), spare_first_token=spare
        )
        for text in texts:
            result = attack.attack(text, None)
            succeeded = isinstance(result, SuccessfulAttackResult)
            size = len(result.structure) if succeeded else LARGEST + 1
            if size <= LARGEST + 1 and (succeeded or seed < 2):  # a failure takes a whole search
                found.append((size, fewest(victim, text, spare, size)))
    assert len(found) >= 20
    assert len({least for _, least in found}) >= 3  # the minima differ
    assert np.mean([size == least for size, least in found]) >= 0.95, found


def test_every_unit_of_an_answer_is_needed(victim: Victim) -> None:
    """The model itself says so, asked about one structure at a time."""
    attack = HackAttendMinimal.build(AttentionModelWrapper(victim.model, victim.tokenizer))
    sizes = []
    for text in random_texts(6, seed=2):
        label = int(victim.logits([text]).argmax())
        result = attack.attack(text, label)
        if not isinstance(result, SuccessfulAttackResult):
            continue
        units = result.structure.units
        assert int(victim.logits_alone(text, result.structure).argmax()) != label
        for number in range(len(units)):
            opened = Structure.from_units(result.structure.shape, np.delete(units, number, 0))
            assert int(victim.logits_alone(text, opened).argmax()) == label
        sizes.append(len(units))
    assert sizes


def test_the_spared_row_and_column_stay_open(make_victim: MakeVictim) -> None:
    victim = make_victim()
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    touched = {}
    for spare in (True, False):
        attack = HackAttendMinimal.build(wrapper, spare_first_token=spare)
        results = [attack.attack(text, None) for text in random_texts(6, seed=2)]
        touched[spare] = any((r.structure.units[:, 2:] == 0).any() for r in results)
    assert touched == {True: False, False: True}


@pytest.mark.parametrize("budget", range(1, 60, 6))
def test_a_query_budget_that_ends_early_leaves_the_best_so_far(
    budget: int, make_victim: MakeVictim, caplog: pytest.LogCaptureFixture
) -> None:
    victim = make_victim()
    attack = HackAttendMinimal.build(AttentionModelWrapper(victim.model, victim.tokenizer))
    text = random_texts(1, seed=2)[0]
    whole = attack.attack(text, None)
    attack.goal_function.query_budget = budget
    with caplog.at_level(logging.WARNING):
        result = attack.attack(text, None)
    assert result.num_queries <= budget
    ended_early = budget < whole.num_queries
    if isinstance(result, SuccessfulAttackResult):
        assert len(result.structure) >= len(whole.structure)
        assert ("fewer may do" in caplog.text) == ended_early
    else:
        assert "fewer may do" not in caplog.text


def test_the_strongest_units_are_those_of_the_whole_model() -> None:
    """Of effects 1 to 24 over 2 layers of 1 head, the 5 greatest, and of equal ones the first."""
    shape = Shape(2, 1, 4)
    budget = Budget(1.0, spare_first_token=False)
    effects = {layer: np.zeros((1, 16), np.float32) for layer in range(2)}
    effects[0][0, [3, 7]] = 5, 2
    effects[1][0, [0, 1, 15]] = 4, 2, 9
    found = strongest(effects, shape, budget, 4)
    assert found.units.tolist() == [[0, 0, 0, 3], [0, 0, 1, 3], [1, 0, 0, 0], [1, 0, 3, 3]]
    assert len(strongest(effects, shape, budget, 5)) == 5
    assert len(strongest(effects, shape, budget, 1000)) == 32


def test_bad_rounds_are_refused(make_victim: MakeVictim) -> None:
    victim = make_victim()
    with pytest.raises(InvalidInputError, match="rounds: expected"):
        HackAttendMinimal.build(AttentionModelWrapper(victim.model, victim.tokenizer), rounds=-1)
