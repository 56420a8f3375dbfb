"""Models in the states that users bring them in, and what comes of an attack on each."""

from __future__ import annotations

import copy
import inspect
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
from textattack_attend.models.wrappers import AttentionModelWrapper, wrapper_for
from textattack_attend.structures import Structure
from tools.speed import outcome_of

from ..conftest import HIDDEN, tiny_model
from ..helpers.changed_models import OTHER, with_adapters
from ..helpers.tiny_families import PROMPT, tiny, tiny_tokenizer
from .trial import command

TEXTS = ["the film was never quite funny", "a good story", "dull and cold </s> but with love"]
RIGHT = "as the model inside"
Make = Callable[[], Any]


def attacked(model: Any, family: str = "camembert", **options: Any) -> list[Any]:
    """Returns what an attack decides of each text."""
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
    """Gives token types to a model that takes none."""
    tokenizer = tiny_tokenizer("camembert")
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    model = tiny_model("distilbert")
    if "kwargs" in inspect.signature(model.forward).parameters:
        pytest.skip("this version of transformers drops inputs that a model does not take")
    return AttentionModelWrapper(model, tokenizer)


def pair_of_one_type(folder: Path) -> Any:
    """Gives a pair of texts to a model that knows one token type."""
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
