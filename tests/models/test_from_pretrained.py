"""Loading a wrapper by name, and what is said where something else stands in its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    BertTokenizerFast,
    TextClassificationPipeline,
)

from textattack_attend import (
    AttentionModelWrapper,
    Benchmark,
    HackAttendLiong2024,
    HackAttendPlus,
    Recipe,
    Results,
    defense_of,
    fine_tune,
)
from textattack_attend.checkpoints.card import Card
from textattack_attend.demo import NAME, VICTIM_PATH
from textattack_attend.errors import AttendError, InvalidInputError
from textattack_attend.models.wrappers import DefendedModelWrapper

from ..conftest import tiny_model
from ..helpers.tiny_families import PROMPT, tiny, tiny_tokenizer

TEXT = "a dull and lifeless film"
CARD = Card("sst2", "freelb", {"steps": 3}, "m", "d", 1e-5, 32, 3, 128, {}, 0, "float32")


@pytest.mark.parametrize("name", [NAME, str(VICTIM_PATH), VICTIM_PATH], ids=["name", "str", "path"])
def test_the_demo_has_a_name_and_a_folder(name: Any) -> None:
    wrapper = AttentionModelWrapper.from_pretrained(name, max_tokens=20)
    assert wrapper.victim.max_tokens == 20
    assert wrapper([TEXT]).argmax(1).tolist() == [0]


def test_a_folder_with_a_card_gets_the_wrapper_that_knows_it(
    tmp_path: Path, vocabulary: Path
) -> None:
    tiny_model("bert").save_pretrained(tmp_path)
    BertTokenizerFast(str(vocabulary)).save_pretrained(tmp_path)
    assert type(AttentionModelWrapper.from_pretrained(tmp_path)) is AttentionModelWrapper
    CARD.write(tmp_path)
    wrapper = AttentionModelWrapper.from_pretrained(tmp_path)
    assert isinstance(wrapper, DefendedModelWrapper)
    assert wrapper.card == CARD


@pytest.mark.parametrize(
    ("family", "auto"), [("gpt2", AutoModelForCausalLM), ("t5", AutoModelForSeq2SeqLM)]
)
def test_a_prompt_loads_a_language_model(family: str, auto: Any, tmp_path: Path) -> None:
    model, tokenizer = tiny(family, auto=auto), tiny_tokenizer(family)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded = AttentionModelWrapper.from_pretrained(tmp_path, prompt=PROMPT)
    expected = AttentionModelWrapper(model, tokenizer, prompt=PROMPT)([TEXT])
    torch.testing.assert_close(loaded([TEXT]), expected)


def test_a_prompt_for_a_classifier_is_refused() -> None:
    line = "expected a language model for the prompt, got a BertForSequenceClassification"
    with pytest.raises(InvalidInputError, match=line):
        AttentionModelWrapper.from_pretrained(NAME, prompt=PROMPT)


MODEL = tiny_model("bert")
PIPELINE = object.__new__(TextClassificationPipeline)
"""A pipeline that has nothing inside, as its class alone is looked at."""
WRONG: list[tuple[str, Callable[[], Any], str]] = [
    (
        "a path for a wrapper",
        lambda: HackAttendLiong2024.build("path/to/model"),
        "expected a HuggingFaceModelWrapper or an AttentionModelWrapper, got the text "
        "'path/to/model'; write AttentionModelWrapper.from_pretrained('path/to/model')",
    ),
    (
        "a Path for a wrapper",
        lambda: HackAttendPlus.build(Path("model")),
        "write AttentionModelWrapper.from_pretrained('model')",
    ),
    (
        "a model for a wrapper",
        lambda: HackAttendPlus.build(MODEL),
        "got a BertForSequenceClassification; write AttentionModelWrapper(model, tokenizer)",
    ),
    (
        "a pipeline for a wrapper",
        lambda: HackAttendPlus.build(PIPELINE),
        "got a TextClassificationPipeline; write AttentionModelWrapper(pipeline.model, "
        "pipeline.tokenizer)",
    ),
    (
        "a list for a wrapper",
        lambda: HackAttendPlus.build(["a", "b"]),
        "got the list ['a', 'b']; attack one model after another",
    ),
    (
        "a model for a name",
        lambda: AttentionModelWrapper.from_pretrained(MODEL),  # type: ignore[arg-type]
        "expected the folder of a checkpoint, or its name on the hub, got a "
        "BertForSequenceClassification; write AttentionModelWrapper(model, tokenizer)",
    ),
    (
        "a name for a model",
        lambda: AttentionModelWrapper("name", None),  # type: ignore[arg-type]
        "model: expected a model of transformers, got the text 'name'; write "
        "AttentionModelWrapper.from_pretrained('name')",
    ),
    (
        "a model to fine-tune",
        lambda: fine_tune("sst2", MODEL, "data", "output"),  # type: ignore[arg-type]
        "model: expected the folder of a pretrained model, or its name on the hub, got a "
        "BertForSequenceClassification; save a model and its tokenizer with save_pretrained",
    ),
    (
        "a model for a task",
        lambda: fine_tune(MODEL, "model", "data", "output"),  # type: ignore[arg-type]
        "task: expected the name of a task, got a BertForSequenceClassification; write 'sst2'",
    ),
    (
        "a name for a defense",
        lambda: fine_tune("sst2", "model", "data", "output", defense="freelb"),  # type: ignore[arg-type]
        "defense: expected a defense with its options, got the text 'freelb'; write "
        "defense_of('freelb')",
    ),
    (
        "the name of no task",
        lambda: fine_tune("sst3", "model", "data", "output", defense=defense_of("freelb")),
        "task: expected one of dream, dream-first, hellaswag",
    ),
    (
        "fields for a recipe's path",
        lambda: Recipe.load({"data": "attend-demo"}),  # type: ignore[arg-type]
        "got the mapping {'data': 'attend-demo'}; write Recipe(**fields)",
    ),
    (
        "fields of a recipe with mistakes",
        lambda: Recipe(data="attend-demo", victims=[], examples=0),  # type: ignore[call-arg, arg-type]
        "recipe: 3 mistakes: (1) victims: expected a mapping, got the list []; (2) expected "
        "the key 'attacks', got none; (3) examples: expected at least 1, got 0",
    ),
    (
        "a path for a recipe",
        lambda: Benchmark("quick", "results.sqlite"),  # type: ignore[arg-type]
        "recipe: expected a Recipe, got the text 'quick'; write Recipe.load('quick')",
    ),
    (
        "fields for a recipe",
        lambda: Benchmark({"data": "x"}, "results.sqlite"),  # type: ignore[arg-type]
        "recipe: expected a Recipe, got the mapping {'data': 'x'}; write Recipe(**fields)",
    ),
    (
        "a number for a store",
        lambda: Results.of(3),  # type: ignore[arg-type]
        "store: expected the path of a file, as 'results.sqlite', got 3",
    ),
]


@pytest.mark.parametrize(("call", "line"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_something_else_is_answered_with_what_to_write(call: Callable[[], Any], line: str) -> None:
    with pytest.raises(AttendError) as error:
        call()
    assert line in str(error.value)
    assert "\n" not in str(error.value)
