"""Models as users have them: wrapped, adapted, quantised, cut, or configured in another way.

Reported in public, looked up in the trackers of the projects named:
huggingface/peft #114, #1296 and #805 (PEFT and DataParallel around one another),
huggingface/transformers #21839 (``quantize_dynamic`` on T5), #2542 (on ALBERT), #7329 (on
DistilBERT), #7638 (``'tuple' object has no attribute 'logits'``), #5611 (token ids beyond the
embeddings), pytorch/PiPPy #308 and adapter-hub/adapters #563 (BART's "same number of <eos>
tokens"), meta-pytorch/captum #1215 (modules that answer with tuples), QData/TextAttack #624 (a
model of one's own behind a wrapper).
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from ..helpers.changed_models import with_adapters
from ..helpers.tiny_families import PROMPT, tiny
from .made_models import (
    RIGHT,
    TEXTS,
    ClassifierOfTheirOwn,
    a_compiled_layer,
    adapted_language_model,
    answers_of_plain_calls,
    attacked,
    compiled_in_place,
    configured,
    cut,
    decision_of,
    doubled,
    folder_of_adapters,
    frozen_in_front_of_attention,
    hooked_outside,
    in_bfloat16,
    labelled_with_tuples,
    made_in_inference_mode,
    measured,
    merged,
    on_meta,
    other_adapter,
    pair_of_one_type,
    quantised,
    reloaded,
    same_as,
    under_float64,
    with_a_prefix,
    with_token_types,
)
from .trial import Trial, table

TRIALS = [
    # wrapped
    Trial(
        "DataParallel around a classifier",
        same_as(lambda: tiny("camembert"), "camembert", lambda: nn.DataParallel(tiny("camembert"))),
        answer=RIGHT,
        reported="peft #1296",
    ),
    Trial(
        "torch.compile around a classifier",
        same_as(
            lambda: tiny("camembert"),
            "camembert",
            lambda: torch.compile(tiny("camembert"), backend="eager"),
        ),
        answer=RIGHT,
    ),
    Trial(
        "torch.compile around DataParallel",
        same_as(lambda: tiny("gpt2"), "gpt2", lambda: torch.compile(nn.DataParallel(tiny("gpt2")))),
        answer=RIGHT,
    ),
    Trial("DataParallel with a hook", decision_of(hooked_outside, "camembert"), line="a hook or"),
    Trial("compiled in place", decision_of(compiled_in_place, "camembert"), line="compiled by"),
    Trial("a layer compiled", decision_of(a_compiled_layer, "camembert"), line="layer.1 compiled"),
    Trial(
        "a module around a model of transformers",
        decision_of(ClassifierOfTheirOwn, "camembert"),
        line="expected a model of transformers, got a ClassifierOfTheirOwn",
        reported="TextAttack #624",
    ),
    # adapted
    Trial(
        "LoRA around a classifier",
        same_as(lambda: merged(with_adapters()), "camembert", with_adapters),
        answer=RIGHT,
    ),
    Trial(
        "LoRA with another adapter active",
        same_as(lambda: merged(other_adapter()), "camembert", other_adapter),
        answer=RIGHT,
    ),
    Trial(
        "DoRA",
        same_as(
            lambda: merged(with_adapters(use_dora=True)),
            "camembert",
            lambda: with_adapters(use_dora=True),
        ),
        answer=RIGHT,
    ),
    Trial(
        "LoRA in DistilBERT, in DataParallel",
        same_as(
            lambda: merged(with_adapters("distilbert")),
            "camembert",
            lambda: nn.DataParallel(with_adapters("distilbert")),
        ),
        answer=RIGHT,
        reported="peft #114, #805",
    ),
    Trial("LoRA saved and loaded", reloaded, answer=RIGHT),
    Trial("a folder of LoRA weights", folder_of_adapters, answer=RIGHT),
    Trial(
        "LoRA in a language model with a prompt",
        same_as(
            lambda: merged(adapted_language_model()),
            "llama",
            adapted_language_model,
            prompt=PROMPT,
        ),
        answer=RIGHT,
    ),
    Trial("a prefix of virtual tokens", decision_of(with_a_prefix, "camembert"), line="PREFIX"),
    Trial("a plain call after an attack", answers_of_plain_calls, answer=True),
    # of other precisions
    Trial(
        "dynamic int8, RoBERTa's kin",
        decision_of(lambda: quantised("camembert"), "camembert"),
        line="quantised by PyTorch",
        reported="transformers #7329",
    ),
    Trial(
        "dynamic int8, T5",
        decision_of(lambda: quantised("t5"), "t5"),
        line="quantised by PyTorch",
        reported="transformers #21839",
    ),
    Trial(
        "dynamic int8, ALBERT",
        decision_of(lambda: quantised("albert"), "albert"),
        line="quantised by PyTorch",
        reported="transformers #2542",
    ),
    Trial("bfloat16 keeps the engine", in_bfloat16("camembert"), answer="Engine"),
    Trial("bfloat16 of shared layers", in_bfloat16("albert"), answer="Engine"),
    Trial("float64", doubled("camembert"), answer=RIGHT),
    Trial("float64 of a decoder", doubled("llama"), answer=RIGHT),
    Trial("a default dtype of float64", under_float64("camembert"), answer=RIGHT),
    Trial("a default dtype of float64, T5", under_float64("t5"), answer=RIGHT),
    Trial(
        "float16",
        decision_of(lambda: tiny("camembert").half(), "camembert"),
        line="float16 is too short",
    ),
    # without values, or without gradients
    Trial(
        "loaded under inference_mode",
        decision_of(made_in_inference_mode, "camembert"),
        line=r"under torch\.inference_mode\(\)",
    ),
    Trial(
        "on the meta device",
        decision_of(lambda: on_meta(tiny("camembert")), "camembert"),
        line="on the meta device",
    ),
    Trial("a head that detaches", frozen_in_front_of_attention, line="gradients can be taken"),
    # with other tokenizers
    Trial(
        "a tokenizer larger than the model",
        decision_of(lambda: cut(30), "camembert"),
        line="a tokenizer of at most 30 tokens",
        reported="transformers #5611",
    ),
    Trial(
        "embeddings beyond the tokenizer",
        lambda folder: len(attacked(cut(64))),
        answer=len(TEXTS),
    ),
    Trial("token types nobody asked for", lambda folder: with_token_types(), line="token_type_ids"),
    Trial("a second token type", pair_of_one_type, line="token_type_ids: expected numbers below 1"),
    Trial(
        "a review with </s>, BART",
        lambda folder: len(attacked(tiny("bart"), "bart")),
        answer=len(TEXTS),
        reported="PiPPy #308, adapters #563",
    ),
    Trial(
        "a review with </s>, T5",
        lambda folder: len(attacked(tiny("t5"), "t5")),
        answer=len(TEXTS),
    ),
    # with other configurations
    Trial(
        "return_dict=False",
        configured("camembert", return_dict=False),
        answer=RIGHT,
        reported="transformers #7638, captum #1215",
    ),
    Trial("return_dict=False, Llama", configured("llama", return_dict=False), answer=RIGHT),
    Trial("return_dict=False, BART", configured("bart", return_dict=False), answer=RIGHT),
    Trial("return_dict=False, a language model", labelled_with_tuples, answer=RIGHT),
    Trial("torchscript=True", configured("camembert", torchscript=True), answer=RIGHT),
    Trial("torchscript=True, T5", configured("t5", torchscript=True), answer=RIGHT),
    Trial("output_attentions=True", configured("gpt2", output_attentions=True), answer=RIGHT),
    Trial("use_cache=True", configured("llama", use_cache=True), answer=RIGHT),
    # measured
    Trial("speed of GPT-2", measured("speed", "gpt2"), answer=True),
    Trial("speed of Llama", measured("speed", "llama"), answer=True),
    Trial("check of T5", measured("check", "t5"), answer=True),
    Trial(
        "attention of a decoder",
        lambda folder: measured("attention", "gpt2", "--opinion-words", str(folder / "words.txt"))(
            folder
        ),
        line="expected an encoder",
    ),
]


@pytest.mark.trial
@table(TRIALS)
def test_trial(trial: Trial, tmp_path: Path) -> None:
    trial.check(tmp_path)
