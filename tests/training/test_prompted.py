"""Training a language model on its label words: where it begins, what it reads, what it becomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerBase,
)

from textattack_attend.checkpoints.card import Card
from textattack_attend.commands.main import main
from textattack_attend.data.published import Example
from textattack_attend.errors import InvalidInputError, UnsupportedModelError
from textattack_attend.models.wrappers import AttentionModelWrapper, wrapper_for
from textattack_attend.training.defenses import AFA
from textattack_attend.training.defenses.afa import AFATrainer
from textattack_attend.training.fine_tuning import fine_tune
from textattack_attend.training.label_word_head import begin_with_label_words
from textattack_attend.training.rows import with_extra
from textattack_attend.training.tasks import task_of
from textattack_attend.victims.inputs import PromptInputs
from textattack_attend.victims.prompt import Prompt, adopt_prompt, prompt_of
from textattack_attend.victims.victim import Victim

from ..helpers.tiny_families import PROMPT as OF_THREE
from ..helpers.tiny_families import tiny, tiny_tokenizer
from ..helpers.tiny_training import write_reviews

PROMPT = Prompt(OF_THREE.template, ("bad", "good"))
TEXTS = ["a good film", "dull", "the actor was never dull but the plot is"]
GIVEN: dict[str, Any] = {"prompt": PROMPT.template, "label_words": PROMPT.label_words}


@pytest.fixture(scope="module")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny Llama, drawn so that it can learn, with a tokenizer that knows the label words."""
    folder = str(tmp_path_factory.mktemp("language model"))
    config = tiny("llama", auto=AutoModelForCausalLM).config
    config.update({"initializer_range": 0.1, "tie_word_embeddings": False})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tiny_tokenizer("llama").save_pretrained(folder)
    return folder


def classifier_from(folder: str, prompt: Prompt = PROMPT) -> tuple[Any, PreTrainedTokenizerBase]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    config = AutoConfig.from_pretrained(folder, num_labels=2, pad_token_id=tokenizer.pad_token_id)
    adopt_prompt(config, prompt)
    model = AutoModelForSequenceClassification.from_pretrained(folder, config=config)
    begin_with_label_words(model, folder, prompt, tokenizer)
    return model.eval(), tokenizer


def test_the_head_begins_as_the_language_models_scores_of_the_words(language_model: str) -> None:
    """The margin of two classes is that of two words, on every text."""
    zero_shot = wrapper_for(language_model, prompt=PROMPT)(TEXTS)
    model, tokenizer = classifier_from(language_model)
    begun = Victim(model, tokenizer).logits(TEXTS)
    margins = zero_shot[:, 1] - zero_shot[:, 0]
    assert margins.abs().min() > 1e-4
    torch.testing.assert_close(begun[:, 1] - begun[:, 0], margins, atol=1e-5, rtol=1e-4)


def test_a_classifier_reads_texts_in_the_prompt_of_its_configuration(language_model: str) -> None:
    model, tokenizer = classifier_from(language_model)
    victim = Victim(model, tokenizer)
    assert victim.tokens(TEXTS[0]) == ["<s>", "the", "a", "good", "film", "was", "never"]
    wrapper = AttentionModelWrapper(model, tokenizer)
    assert torch.equal(wrapper.with_precision("bfloat16")(TEXTS), wrapper(TEXTS))


def test_other_prompts_are_other_victims(language_model: str) -> None:
    model, tokenizer = classifier_from(language_model)
    one = Victim(model, tokenizer).identity()
    adopt_prompt(model.config, Prompt("{} was never", PROMPT.label_words))
    assert one.differing(Victim(model, tokenizer).identity()) == ["configuration"]
    adopt_prompt(model.config, None)
    assert prompt_of(model.config) is None


def test_a_damaged_prompt_is_refused(language_model: str) -> None:
    model, tokenizer = classifier_from(language_model)
    model.config.prompt = ["the {} was"]
    with pytest.raises(InvalidInputError, match="prompt: expected a template and its label_words"):
        Victim(model, tokenizer)


def test_tokens_outside_the_text_are_told_from_the_texts_own() -> None:
    """By hand, with a word of the prompt in the text, and two columns between fixed words."""
    tokenizer = tiny_tokenizer("llama")
    inputs = PromptInputs(tokenizer, 32, PROMPT)
    assert inputs.outside_text("the film was good") == [1, 1, 0, 0, 0, 0, 1, 1]
    pairs = PromptInputs(tokenizer, 32, Prompt("the {} but the {} was", PROMPT.label_words))
    assert pairs.outside_text(("good film", "plot")) == [1, 1, 0, 0, 1, 1, 0, 1]
    cut = PromptInputs(tokenizer, 7, PROMPT)
    assert cut.outside_text("a good film but the plot is dull") == [1, 1, 0, 0, 0, 1, 1]


def test_afa_draws_words_of_the_text_alone(language_model: str) -> None:
    model, tokenizer = classifier_from(language_model)
    task = task_of("text,label").given(**GIVEN, max_tokens=32)
    rows: list[Example] = [(("the film was good",), 1), (("dull",), 0)]
    columns = AFA().columns
    data = with_extra(rows, [], task, tokenizer, model, columns)
    assert data["special_tokens_mask"] == [[1, 1, 0, 0, 0, 0, 1, 1], [1, 1, 0, 1, 1]]


def test_no_step_of_afa_draws_from_the_prompt(
    language_model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every batch the words are the tokens between two of the prompt's at both ends."""
    words_of, seen = AFATrainer._words, 0

    def looked_at(self: Any, inputs: dict[str, Any], read: torch.Tensor) -> torch.Tensor:
        nonlocal seen
        words = words_of(self, inputs, read)
        for row, real in zip(words, inputs["attention_mask"].bool(), strict=True):
            expected = torch.zeros_like(row)
            expected[real.nonzero().flatten()[2:-2]] = True
            assert torch.equal(row, expected)
            seen += 1
        return words

    monkeypatch.setattr(AFATrainer, "_words", looked_at)
    data = write_reviews(tmp_path / "reviews", train=64)
    given: dict[str, Any] = {**GIVEN, "epochs": 1, "batch_size": 8, "precision": "float32"}
    fine_tune("sst2", language_model, data, tmp_path / "victim", defense=AFA(), **given)
    assert seen >= 64


@pytest.mark.parametrize("options", [{}, {"lora_rank": 2}, {"defense": AFA()}])
def test_a_language_model_learns_on_its_label_words(
    options: dict[str, Any], language_model: str, tmp_path: Path
) -> None:
    data = write_reviews(tmp_path / "reviews")
    card = fine_tune(
        "sst2",
        language_model,
        data,
        tmp_path / "victim",
        **GIVEN,
        **options,
        learning_rate=1e-2,
        epochs=4,
        batch_size=8,
        precision="float32",
    )
    assert card.accuracy is not None
    assert card.accuracy > 0.9
    assert Card.of(tmp_path / "victim") == card
    wrapper = wrapper_for(str(tmp_path / "victim"))
    answers = wrapper(["a plot but good good", "a plot but bad bad"])
    assert answers.argmax(1).tolist() == [1, 0]
    assert wrapper.victim.tokens("good")[1:] == ["the", "good", "was", "never"]


def test_what_a_prompt_does_not_fit_is_refused(language_model: str, tmp_path: Path) -> None:
    data = write_reviews(tmp_path / "reviews")

    def train(task: str = "sst2", model: str = language_model, **given: Any) -> None:
        fine_tune(task, model, data, tmp_path / "victim", **{**GIVEN, **given})

    with pytest.raises(InvalidInputError, match="together with its label_words"):
        train(prompt="")
    with pytest.raises(InvalidInputError, match="label_words: expected one for each of the 2"):
        train(label_words=("good", "bad", "dull"))
    with pytest.raises(InvalidInputError, match="label word 'very bad': expected a single token"):
        train(label_words=("good", "very bad"))
    with pytest.raises(InvalidInputError, match=r"template: expected a prompt with \{\}"):
        train(prompt="no slot")
    model = tiny("bart", auto=AutoModelForSequenceClassification)
    with pytest.raises(UnsupportedModelError, match="prompt: expected a causal language model"):
        begin_with_label_words(model, language_model, PROMPT, tiny_tokenizer("llama"))
    assert not (tmp_path / "victim" / "model.safetensors").exists()


def test_the_command_line_keeps_spaces_and_reads_new_lines(
    language_model: str, tmp_path: Path
) -> None:
    data = write_reviews(tmp_path / "reviews")
    given = ["train", "--model", language_model, "--data", f"{data}^sst2", "--epochs", "1"]
    given += ["--output", str(tmp_path / "victim"), "--batch-size", "64", "--max-tokens", "24"]
    given += ["--prompt", r"the {}\nwas", "--label-words", " good,bad", "--precision", "float32"]
    given += ["--gradient-checkpointing"]
    done = CliRunner().invoke(main, given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    card = Card.of(tmp_path / "victim")
    assert card is not None
    assert card.gradient_checkpointing
    assert (card.prompt, card.label_words) == ("the {}\nwas", (" good", "bad"))
    written = json.loads((tmp_path / "victim" / "config.json").read_text())["prompt"]
    assert written == {"template": "the {}\nwas", "label_words": [" good", "bad"]}
