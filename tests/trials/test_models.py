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

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, PrefixTuningConfig, get_peft_model
from torch import nn
from transformers import AutoModelForCausalLM, BertForSequenceClassification, BertModel

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.measurements.speed import outcome_of
from textattack_attend.models.wrappers import AttentionModelWrapper, wrapper_for
from textattack_attend.structures import Structure

from ..changed_models import OTHER, with_adapters
from ..conftest import HIDDEN, tiny_model
from ..tiny_families import PROMPT, tiny, tiny_tokenizer
from .trial import Trial, command, table

TEXTS = ["the film was never quite funny", "a good story", "dull and cold </s> but with love"]
RIGHT = "as the model inside"
Make = Callable[[], Any]


def attacked(model: Any, family: str = "camembert", **options: Any) -> list[Any]:
    """What an attack decides, of each text."""
    wrapper = AttentionModelWrapper(model, tiny_tokenizer(family), **options)
    examples = [(text, int(wrapper.victim.logits([text]).argmax())) for text in TEXTS]
    attack = HackAttendLiong2024.build(wrapper, mask_fraction=0.3)
    return [outcome_of(result) for result in attack.attack_many(examples)]


def same_as(expected: Make, family: str, make: Make, **options: Any) -> Callable[[Path], str]:
    """Attacks two models, and says whether every decision is the same."""

    def run(folder: Path) -> str:
        found = attacked(make(), family, **options)
        return RIGHT if found == attacked(expected(), family, **options) else str(found)

    return run


def in_eval(model: Any) -> Any:
    return model.eval()


def in_dtype(model: nn.Module, dtype: torch.dtype) -> Any:
    return model.to(dtype)


def on_meta(model: nn.Module) -> Any:
    return model.to("meta")


def quantised(family: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize: Any = torch.ao.quantization.quantize_dynamic
        return quantize(tiny(family), {nn.Linear}, torch.qint8)


def made_in_inference_mode() -> Any:
    with torch.inference_mode():
        return tiny("camembert")


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def under_float64(family: str) -> Callable[[Path], str]:
    """Attacks a single-precision model while PyTorch makes new tensors in double precision."""

    def run(folder: Path) -> str:
        model = tiny(family)
        expected = attacked(model, family)
        with default_dtype(torch.float64):
            found = attacked(model, family)
            assert len(attacked(tiny(family), family)) == len(TEXTS)  # of double precision itself
        return RIGHT if found == expected else str(found)

    return run


def doubled(family: str) -> Callable[[Path], str]:
    return same_as(lambda: tiny(family), family, lambda: tiny(family).double())


def merged(model: Any) -> Any:
    return model.merge_and_unload()


def other_adapter() -> Any:
    model = with_adapters()
    model.set_adapter(OTHER)
    return model


def reloaded(folder: Path) -> str:
    """Adapters that were saved and put on their model again."""
    model = with_adapters()
    model.save_pretrained(str(folder))
    again = PeftModel.from_pretrained(tiny_model(), folder, adapter_name="default").eval()
    return RIGHT if attacked(again) == attacked(merged(model)) else "another attack"


def folder_of_adapters(folder: Path) -> str:
    """A folder that holds adapters and names the model that they belong to."""
    base, own = folder / "base", folder / "adapters"
    plain = tiny_model()
    plain.config.architectures = [type(plain).__name__]
    plain.save_pretrained(base)
    config = LoraConfig(task_type="SEQ_CLS", target_modules=["value"], init_lora_weights=False)
    model = get_peft_model(BertForSequenceClassification.from_pretrained(base), config).eval()
    model.save_pretrained(str(own))
    tiny_tokenizer("camembert").save_pretrained(own)
    return RIGHT if attacked(wrapper_for(str(own)).model) == attacked(model) else "another attack"


def adapted_language_model() -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        config = LoraConfig(
            task_type="CAUSAL_LM", target_modules=["q_proj", "v_proj"], init_lora_weights=False
        )
        return get_peft_model(tiny("llama", auto=AutoModelForCausalLM), config).eval()


def with_a_prefix() -> Any:
    config = PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=2)
    return get_peft_model(tiny("camembert"), config)


def hooked_outside() -> Any:
    model = nn.DataParallel(tiny("camembert"))
    model.register_forward_hook(lambda module, inputs, output: output)
    return model


def compiled_in_place() -> Any:
    model: Any = tiny("camembert")
    model.compile(backend="eager")
    return model


def a_compiled_layer() -> Any:
    model: Any = tiny("camembert")
    layers = model.base_model.encoder.layer
    layers[1] = torch.compile(layers[1], backend="eager")
    return model


def cut(rows: int) -> Any:
    model = tiny("camembert")
    model.resize_token_embeddings(rows)
    return model


def decision_of(make: Make, family: str, **options: Any) -> Callable[[Path], Any]:
    return lambda folder: attacked(make(), family, **options)


def configured(family: str, **settings: Any) -> Callable[[Path], str]:
    def make() -> Any:
        model = tiny(family)
        model.config.update(settings)
        return model

    return same_as(lambda: tiny(family), family, make)


def labelled_with_tuples(folder: Path) -> str:
    def make() -> Any:
        model = tiny("gpt2", auto=AutoModelForCausalLM)
        model.config.return_dict = False
        return model

    expected = tiny("gpt2", auto=AutoModelForCausalLM)
    same = attacked(make(), "gpt2", prompt=PROMPT) == attacked(expected, "gpt2", prompt=PROMPT)
    return RIGHT if same else "another attack"


def answers_of_plain_calls(folder: Path) -> bool:
    """Whether a model with hooks, adapters and a victim around it answers as it did before."""
    model = with_adapters()
    inputs = tiny_tokenizer("camembert")(TEXTS[0], return_tensors="pt")
    with torch.no_grad():
        before = model(**inputs).logits
        attacked(model)
        return torch.equal(model(**inputs).logits, before)


def measured(name: str, family: str, *arguments: str) -> Callable[[Path], bool]:
    """Whether a command prints something on a saved checkpoint of a family."""

    def run(folder: Path) -> bool:
        model, tokenizer = tiny(family), tiny_tokenizer(family)
        model.config.architectures = [type(model).__name__]
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        victim = AttentionModelWrapper(model, tokenizer).victim
        lines = [f"{text}\t{int(victim.logits([text]).argmax())}\n" for text in TEXTS[:2]]
        (folder / "data.tsv").write_text("".join(lines))
        (folder / "words.txt").write_text("good\n")
        given = ["--model", folder, "--data", folder / "data.tsv", "--num-examples", "2"]
        return bool(command(name, *arguments, *given))

    return run


def in_bfloat16(family: str) -> Callable[[Path], str]:
    """Whether a victim in bfloat16 keeps the engine, whose logits are those of the model."""

    def run(folder: Path) -> str:
        model = in_dtype(tiny(family), torch.bfloat16)
        victim = AttentionModelWrapper(model, tiny_tokenizer(family)).victim
        (reading,) = victim.read(TEXTS[:1], [None])
        structure = Structure.whole(victim.empty_structure(TEXTS[0]).shape, [(0, 0)])
        found = victim.logits_from([(reading, structure)])
        expected = victim.logits(TEXTS[:1], [structure])
        close = (found - expected).abs().max() < 0.1 * expected.abs().max()
        return type(victim.engine).__name__ if close else "other logits"

    return run


class ClassifierOfTheirOwn(nn.Module):
    """A classifier around a model of transformers."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = BertModel(tiny_model().config)
        self.head = nn.Linear(HIDDEN, 3)


def with_token_types() -> Any:
    """A tokenizer that gives token types, to a model that takes none."""
    tokenizer = tiny_tokenizer("camembert")
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    return AttentionModelWrapper(tiny_model("distilbert"), tokenizer)


def pair_of_one_type(folder: Path) -> Any:
    """A pair, to a model that knows one token type."""
    tokenizer = tiny_tokenizer("camembert")
    config = copy.copy(tiny_model().config)
    config.type_vocab_size = 1
    model = in_eval(BertForSequenceClassification(config))
    model.classifier.bias.data += 1.0
    victim = AttentionModelWrapper(model, tokenizer).victim
    encode = victim.inputs.encode

    def with_types(texts: Any) -> Any:
        encoded = encode(texts)
        encoded["token_type_ids"] = torch.ones_like(encoded["input_ids"])
        return encoded

    victim.inputs.encode = with_types  # type: ignore[method-assign]
    return victim.logits([("a film", "good")])


def frozen_in_front_of_attention(folder: Path) -> Any:
    """A layer that detaches what goes through it."""
    model: Any = tiny("camembert")
    head = model.classifier.dense
    head.forward = lambda rows: type(head).forward(head, rows.detach())
    return attacked(model)


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
