"""What a user can do wrong: one clear line each, saying what was expected and what came."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from textattack.models.wrappers import HuggingFaceModelWrapper
from torch import nn
from transformers import (
    BertForSequenceClassification,
    BertModel,
    BertTokenizerFast,
    CTRLConfig,
    CTRLForSequenceClassification,
    FNetConfig,
    FNetForSequenceClassification,
    PreTrainedModel,
)

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.errors import (
    AttendError,
    InvalidInputError,
    ModelOutputError,
    StructureMismatchError,
    UnsupportedModelError,
)
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Shape, Structure
from textattack_attend.victims.victim import Victim

from ..conftest import MAX_TOKENS, MakeVictim, tiny_config, tiny_model


def refusal(call: Callable[[], object], kind: type[AttendError]) -> str:
    """The one line an error says."""
    with pytest.raises(kind) as caught:
        call()
    line = str(caught.value)
    assert "\n" not in line
    return line


def head(model: PreTrainedModel) -> nn.Linear:
    """The last layer of a classifier."""
    classifier = model.get_submodule("classifier")
    assert isinstance(classifier, nn.Linear)
    return classifier


def wrapped(victim: Victim) -> AttentionModelWrapper:
    return AttentionModelWrapper(victim.model, victim.tokenizer)


# --- models ---


def unknown() -> PreTrainedModel:
    sizes = {"n_embd": 8, "n_layer": 1, "n_head": 2, "dff": 8, "vocab_size": 40}
    return CTRLForSequenceClassification(CTRLConfig(**sizes))


def without_a_softmax() -> PreTrainedModel:
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "intermediate_size": 8, "vocab_size": 40}
    return FNetForSequenceClassification(FNetConfig(**sizes))


def no_head() -> PreTrainedModel:
    return BertModel(tiny_config("bert"))


def random_head() -> PreTrainedModel:
    """What from_pretrained makes of a checkpoint without a classification head."""
    config = tiny_config("bert")
    config.architectures = ["BertForMaskedLM"]
    return BertForSequenceClassification(config)


def regression() -> PreTrainedModel:
    return tiny_model(labels=1)


def multi_label() -> PreTrainedModel:
    model = tiny_model()
    model.config.problem_type = "multi_label_classification"
    return model


def flash_attention() -> PreTrainedModel:
    model = tiny_model()
    model.config._attn_implementation = "flash_attention_2"
    return model


def pruned() -> PreTrainedModel:
    model = tiny_model()
    if not hasattr(model, "prune_heads"):
        pytest.skip("transformers 5 prunes no heads")
    model.prune_heads({0: [1]})
    return model


def half() -> PreTrainedModel:
    model = tiny_model()
    nn.Module.to(model, torch.float16)
    return model


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (half, "float16 is too short"),
        (
            unknown,
            "model type 'ctrl' is not supported; `textattack-attend ls families` lists the types",
        ),
        (without_a_softmax, "'fnet' cannot be attacked: its layers mix tokens by a Fourier"),
        (no_head, "BertModel has no classification head; expected a ...ForSequence"),
        (random_head, "the checkpoint is a BertForMaskedLM without the head of a BertForSequenceC"),
        (regression, "expected a model that chooses one of at least 2 classes"),
        (multi_label, "problem type 'multi_label_classification'"),
        (flash_attention, "attn_implementation set to one of: eager, sdpa"),
        (pruned, "differ in their heads (some were pruned"),
    ],
)
def test_models_that_cannot_be_attacked(
    make: Callable[[], PreTrainedModel], line: str, make_victim: MakeVictim
) -> None:
    stock = HuggingFaceModelWrapper(make(), make_victim().tokenizer)
    assert line in refusal(lambda: HackAttendLiong2024.build(stock), UnsupportedModelError)


def test_a_head_trained_in_this_process_is_accepted(make_victim: MakeVictim) -> None:
    model = random_head()
    with torch.no_grad():
        head(model).bias.add_(0.1)
    assert Victim(model, make_victim().tokenizer).num_labels == 2


def test_a_wrapper_of_something_else(make_victim: MakeVictim) -> None:
    from textattack.models.wrappers import PyTorchModelWrapper

    other = PyTorchModelWrapper(make_victim().model, make_victim().tokenizer)
    line = refusal(lambda: HackAttendLiong2024.build(other), UnsupportedModelError)
    assert "got PyTorchModelWrapper" in line


def test_a_tokenizer_without_a_classification_token(vocabulary: Path) -> None:
    tokenizer = BertTokenizerFast(str(vocabulary))
    tokenizer.cls_token = None
    line = refusal(lambda: Victim(tiny_model(), tokenizer), UnsupportedModelError)
    assert "no classification token" in line


def test_logits_that_are_nan(make_victim: MakeVictim) -> None:
    victim = make_victim()
    with torch.no_grad():
        head(victim.model).bias[0] = float("nan")
    attack = HackAttendLiong2024.build(wrapped(victim))
    assert "NaN" in refusal(lambda: attack.attack("a film", 0), ModelOutputError)


# --- options ---


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"mask_fraction": 0.0}, "mask_fraction: expected a share in (0, 1], got 0.0"),
        ({"mask_fraction": 1.5}, "mask_fraction: expected a share in (0, 1], got 1.5"),
        ({"max_layers": 0}, "max_layers: expected at least 1, got 0"),
        ({"max_heads": -1}, "max_heads: expected at least 1, got -1"),
        ({"ranking": "best"}, "score_gradient, got 'best'"),
        ({"importance": "best"}, "importance: expected one of probability, random, got 'best'"),
        ({"target_class": 3}, "target_class 3: expected one of the model's 3 classes, 0 to 2"),
    ],
)
def test_options_outside_their_range(
    options: dict[str, object], line: str, make_victim: MakeVictim
) -> None:
    wrapper = wrapped(make_victim())
    said = refusal(lambda: HackAttendLiong2024.build(wrapper, **options), InvalidInputError)  # type: ignore[arg-type]
    assert line in said


# --- texts and labels ---


@pytest.mark.parametrize("label", [3, -1])
def test_a_label_outside_the_models_range(label: int, make_victim: MakeVictim) -> None:
    attack = HackAttendLiong2024.build(wrapped(make_victim()))
    line = refusal(lambda: attack.attack("a film", label), InvalidInputError)
    assert f"label {label}: expected one of the model's 3 classes, 0 to 2" in line


@pytest.mark.parametrize("text", ["", "   "])
def test_an_empty_text(text: str, make_victim: MakeVictim) -> None:
    attack = HackAttendLiong2024.build(wrapped(make_victim()))
    line = refusal(lambda: attack.attack(text, 0), InvalidInputError)
    assert f"empty text {text!r}: expected at least one token" in line


def test_a_text_of_one_token_has_four_attackable_units(make_victim: MakeVictim) -> None:
    victim = make_victim()
    label = int(victim.logits(["good"])[0].argmax())
    result = HackAttendLiong2024.build(wrapped(victim)).attack("good", label)
    assert result.structure.shape.tokens == 3
    assert result.structure.hamming_distance in (0, 1)
    assert result.candidate_queries >= 1
    assert str(result)


def test_a_text_that_is_too_long_is_cut_and_it_is_said_once(
    make_victim: MakeVictim, caplog: pytest.LogCaptureFixture
) -> None:
    victim = make_victim()
    long = " ".join(["good film"] * MAX_TOKENS)
    with caplog.at_level(logging.WARNING):
        first = victim.logits([long])
        victim.logits([long + " bad"])
    assert [record.getMessage().split(" was cut")[0] for record in caplog.records] == [
        f"a text of {2 * MAX_TOKENS + 2} tokens"
    ]
    kept = " ".join(["good film"] * ((MAX_TOKENS - 2) // 2))
    assert torch.equal(first, victim.logits([kept]))


def test_a_text_of_exactly_the_maximum_is_not_said_to_be_cut(
    make_victim: MakeVictim, caplog: pytest.LogCaptureFixture
) -> None:
    make_victim().logits([" ".join(["good"] * (MAX_TOKENS - 2))])
    assert not caplog.records


def test_a_gradient_that_is_zero_falls_back_and_says_so(
    make_victim: MakeVictim, caplog: pytest.LogCaptureFixture
) -> None:
    victim = make_victim()
    with torch.no_grad():  # the answer no longer depends on the text
        head(victim.model).weight.zero_()
        head(victim.model).bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    zero = HackAttendLiong2024.build(wrapped(victim), importance="random", seed=0)
    attention = HackAttendLiong2024.build(
        wrapped(victim), importance="random", seed=0, ranking="attention"
    )
    with caplog.at_level(logging.WARNING):
        result = zero.attack("a good film", 0)
    assert "the gradient is zero everywhere; units are ranked by attention instead" in caplog.text
    assert result.structure == attention.attack("a good film", 0).structure


# --- structures ---


def saved(victim: Victim, folder: Path) -> Path:
    path = folder / "structure.safetensors"
    shape = victim.empty_structure("a film").shape
    victim.save_structure(path, "a film", Structure.from_units(shape, [(0, 0, 1, 1)]))
    return path


def test_a_structure_of_another_model(make_victim: MakeVictim, tmp_path: Path) -> None:
    path = saved(make_victim(), tmp_path)
    other = make_victim(seed=4321)
    line = refusal(lambda: other.replay(path), StructureMismatchError)
    assert "found on another model" in line
    assert other.replay(path, any_model=True).text == "a film"
    assert make_victim().replay(path).text == "a film"


def test_a_structure_of_another_length(make_victim: MakeVictim) -> None:
    victim = make_victim()
    structure = victim.empty_structure("a film")
    line = refusal(lambda: victim.logits(["a good film"], [structure]), StructureMismatchError)
    assert "expected a structure of 3 layers, 4 heads and 5 tokens, got one of 3 layers" in line


def test_a_structure_of_a_model_of_another_size(make_victim: MakeVictim, tmp_path: Path) -> None:
    victim = make_victim()
    path = tmp_path / "structure.safetensors"
    victim.save_structure(path, "a film", Structure(Shape(12, 12, 4)))
    line = refusal(lambda: victim.replay(path), StructureMismatchError)
    assert "got one of 12 layers" in line


def test_a_batch_with_too_few_structures(make_victim: MakeVictim) -> None:
    victim = make_victim()
    with pytest.raises(ValueError, match="zip"):
        victim.logits(["a film", "the plot"], [victim.empty_structure("a film")])
