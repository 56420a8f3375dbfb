"""TextAttack's word attacks on models of transformers alone."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from textattack.shared import AttackedText
from textattack.transformations import WordSwapMaskedLM
from transformers import BertForMaskedLM, BertModel, BertTokenizerFast

from textattack_attend.attack_recipes import BERTAttackTransformers
from textattack_attend.attack_recipes.columns_only import ColumnsOnly
from textattack_attend.attack_recipes.mean_pooled_encoder import MeanPooledEncoder
from textattack_attend.attacks.identity import attack_identity
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import AttentionModelWrapper

from ..conftest import random_texts, tiny_config, tiny_model


@pytest.fixture
def encoder(tmp_path: Path, vocabulary: Path) -> str:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(tiny_config("bert")).save_pretrained(tmp_path / "encoder")
        BertForMaskedLM(tiny_config("bert")).save_pretrained(tmp_path / "language_model")
    for name in ("encoder", "language_model"):
        BertTokenizerFast(str(vocabulary)).save_pretrained(tmp_path / name)
    return str(tmp_path / "encoder")


def test_a_sentence_is_the_mean_of_its_tokens(encoder: str) -> None:
    texts = random_texts(150)
    texts += texts[:3]
    found = MeanPooledEncoder(encoder).encode(texts)
    model, tokenizer = (
        BertModel.from_pretrained(encoder).eval(),
        BertTokenizerFast.from_pretrained(encoder),
    )
    for text, row in zip(texts, found, strict=True):
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        expected = states.mean(0) / states.mean(0).norm()
        torch.testing.assert_close(row, expected, atol=1e-5, rtol=1e-4)


def test_bert_attack_has_the_parts_of_its_recipe(encoder: str, vocabulary: Path) -> None:
    wrapper = AttentionModelWrapper(
        tiny_model("bert", labels=2), BertTokenizerFast(str(vocabulary))
    )
    language_model = str(Path(encoder).with_name("language_model"))
    attack = BERTAttackTransformers.build(wrapper, encoder, language_model, candidates=5)
    assert attack.transformation.max_candidates == 5
    (similar,) = [own for own in attack.constraints if isinstance(own, MeanPooledEncoder)]
    assert (similar.threshold, similar.metric, similar.compare_against_original) == (
        0.2,
        "cosine",
        True,
    )
    results = [attack.attack(text, wrapper([text]).argmax(1).item()) for text in random_texts(5)]
    assert all(result.num_queries > 1 for result in results)


def test_the_released_preset_of_bert_attack_takes_ten_substitutes(
    encoder: str, vocabulary: Path
) -> None:
    wrapper = AttentionModelWrapper(
        tiny_model("bert", labels=2), BertTokenizerFast(str(vocabulary))
    )
    named = (wrapper, encoder, str(Path(encoder).with_name("language_model")))
    own = BERTAttackTransformers.build(*named)
    released = BERTAttackTransformers.build(*named, preset="released")
    assert [a.transformation.max_candidates for a in (own, released)] == [8, 10]
    with pytest.raises(InvalidInputError, match="candidates: expected 10, which the preset"):
        BERTAttackTransformers.build(*named, preset="released", candidates=48)
    with pytest.raises(InvalidInputError, match="preset: expected one of released, got 'ours'"):
        BERTAttackTransformers.build(*named, preset="ours")
    identities = [
        attack_identity(
            "bert-attack-transformers",
            {"encoder": named[1], "masked_language_model": named[2], **own},
        )
        for own in ({}, {"preset": ""}, {"preset": "released"})
    ]
    assert identities[0] == identities[1] != identities[2]


def test_words_are_those_of_padded_texts(encoder: str, vocabulary: Path) -> None:
    language_model = str(Path(encoder).with_name("language_model"))
    wrapper = AttentionModelWrapper(
        tiny_model("bert", labels=2), BertTokenizerFast(str(vocabulary))
    )
    unpadded = BERTAttackTransformers.build(wrapper, encoder, language_model).transformation
    padded = WordSwapMaskedLM(
        method="bert-attack",
        masked_language_model=unpadded._language_model,
        tokenizer=unpadded._lm_tokenizer,
        max_length=32,
        max_candidates=8,
    )
    for text in map(AttackedText, random_texts(10)):
        proposed = unpadded(text)
        assert proposed
        assert {one.text for one in proposed} == {one.text for one in padded(text)}


COLUMNS = OrderedDict(context="a dull film", question="was the film dull ?", choice="it was dull")


def test_only_words_of_named_columns_change() -> None:
    """By hand: the words of the context are the first three, those of the choice the last three."""
    text = AttackedText(COLUMNS)
    assert ColumnsOnly(["context"])._get_modifiable_indices(text) == {0, 1, 2}
    assert ColumnsOnly(["context", "choice"])._get_modifiable_indices(text) == {0, 1, 2, 7, 8, 9}
    with pytest.raises(InvalidInputError, match="out of context, question, choice, got contexts"):
        ColumnsOnly(["contexts"])._get_modifiable_indices(text)


@pytest.mark.parametrize("columns", ["context", [], [1]])
def test_columns_are_a_list_of_names(columns: Any, encoder: str, vocabulary: Path) -> None:
    wrapper = AttentionModelWrapper(
        tiny_model("bert", labels=2), BertTokenizerFast(str(vocabulary))
    )
    language_model = str(Path(encoder).with_name("language_model"))
    with pytest.raises(InvalidInputError, match="columns: expected a list of names of columns"):
        BERTAttackTransformers.build(wrapper, encoder, language_model, columns=columns)


def test_bert_attack_leaves_other_columns_as_they_are(encoder: str, vocabulary: Path) -> None:
    wrapper = AttentionModelWrapper(
        tiny_model("bert", labels=2), BertTokenizerFast(str(vocabulary))
    )
    language_model = str(Path(encoder).with_name("language_model"))
    first, second = random_texts(2, seed=3)
    example = OrderedDict(premise=first, hypothesis=second)
    label = int(wrapper([(first, second)]).argmax())
    for columns, unchanged in ((["premise"], "hypothesis"), (["hypothesis"], "premise")):
        attack = BERTAttackTransformers.build(wrapper, encoder, language_model, columns=columns)
        result = attack.attack(example, label)
        assert result.num_queries > 1
        changed = result.perturbed_result.attacked_text._text_input
        assert changed[unchanged] == example[unchanged]
        assert changed[columns[0]] != example[columns[0]]
