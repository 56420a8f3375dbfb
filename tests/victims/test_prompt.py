"""Language models with a prompt: what they read, what they score, and what is refused."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from textattack_attend.errors import InvalidInputError, UnsupportedModelError
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Reach, Shape, Structure, describe
from textattack_attend.victims.prompt import Prompt
from textattack_attend.victims.victim import Victim

from ..helpers.tiny_families import PROMPT, VOCABULARY, tiny, tiny_tokenizer, tiny_victim

TEXT = "a good film"


def language_model(family: str = "llama") -> PreTrainedModel:
    return tiny(family, auto=AutoModelForCausalLM)


@pytest.mark.parametrize("family", ["gpt2", "llama", "opt"])
def test_scores_are_the_log_likelihoods_of_the_label_words(family: str) -> None:
    """Against each text alone through the model itself, nothing padded."""
    victim = tiny_victim(f"{family} prompted")
    texts = [TEXT, "dull", "the actor was never dull but the plot is"]
    scores = victim.logits(texts)
    words = [VOCABULARY.index(word) for word in PROMPT.label_words]
    for text, own in zip(texts, scores, strict=True):
        ids = victim.tokenizer(f"the {text} was never", return_tensors="pt")["input_ids"]
        with torch.no_grad():
            logits = victim.model.language_model(ids).logits[0, -1]
        torch.testing.assert_close(own, logits.log_softmax(-1)[words], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("family", "start"), [("bart", "</s>"), ("t5", "<pad>")])
def test_a_seq2seq_model_begins_its_answer_with_a_label_word(family: str, start: str) -> None:
    victim = tiny_victim(f"{family} prompted")
    inputs = victim.tokenizer([f"the {TEXT} was never"], return_tensors="pt")
    begin = torch.tensor([[VOCABULARY.index(start)]])
    with torch.no_grad():
        output = victim.model.language_model(**inputs, decoder_input_ids=begin)
    words = [VOCABULARY.index(word) for word in PROMPT.label_words]
    expected = output.logits[0, 0].log_softmax(-1)[words]
    torch.testing.assert_close(victim.logits([TEXT])[0], expected, atol=1e-5, rtol=1e-5)


def test_the_text_is_cut_not_the_prompt(caplog: pytest.LogCaptureFixture) -> None:
    model, tokenizer = language_model(), tiny_tokenizer("llama")
    victim = Victim(model, tokenizer, max_tokens=8, prompt=PROMPT)
    with caplog.at_level(logging.WARNING):
        tokens = victim.tokens("a good film but the plot is dull")
    assert tokens == ["<s>", "the", "a", "good", "film", "but", "was", "never"]
    assert "a text of 12 tokens was cut to the model's maximum of 8" in caplog.text


def test_a_text_of_unknown_words_is_cut() -> None:
    """An unknown word is written longer than it was read."""
    model, tokenizer = language_model(), tiny_tokenizer("llama")
    victim = Victim(model, tokenizer, max_tokens=8, prompt=PROMPT)
    assert len(victim.tokens("q w e r t y u i o p")) == 8


def test_columns_fill_slots_in_order_whatever_is_in_them() -> None:
    prompt = Prompt("{} : {} ?", ("good", "bad"))
    assert prompt.fill(("a {} b", "c")) == "a {} b : c ?"
    with pytest.raises(InvalidInputError, match="has 2 slots: expected texts with as many"):
        prompt.fill(("a",))


def test_a_template_that_begins_by_itself_gets_no_second_first_token() -> None:
    prompt = Prompt("<s> the {} was never", PROMPT.label_words)
    victim = Victim(language_model(), tiny_tokenizer("llama"), prompt=prompt)
    assert victim.tokens(TEXT) == tiny_victim("llama prompted").tokens(TEXT)


@pytest.mark.parametrize(
    ("template", "words", "line"),
    [
        ("no slot", ("good", "bad"), "template: expected a prompt with {} where the text goes"),
        ("{} was", ("good",), "label_words: expected at least 2"),
        ("{} was", "good", "label_words: expected at least 2, one for each class, got 'good'"),
        ("{} was", ("good", "very bad"), "label word 'very bad': expected a single token, got"),
        ("{} was", ("good", "zebra"), "label word 'zebra': expected a word of the tokenizer's"),
        ("{} was", ("good", " good"), "label_words: expected a token of its own for each class"),
        ("{} was" + " never" * 60, ("good", "bad"), "expected a prompt that leaves room"),
    ],
)
def test_prompts_that_are_refused(template: str, words: tuple[str, ...], line: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Victim(language_model(), tiny_tokenizer("llama"), prompt=Prompt(template, words))
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_language_model_without_a_prompt_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="or a language model with a prompt"):
        Victim(language_model(), tiny_tokenizer("llama"))


def test_a_classifier_with_a_prompt_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="does not go on after a prompt"):
        Victim(tiny("llama"), tiny_tokenizer("llama"), prompt=PROMPT)


def test_a_tokenizer_that_ends_prompts_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="set add_eos_token=False"):
        Victim(language_model(), tiny_tokenizer("xlm-roberta"), prompt=PROMPT)


def test_an_empty_text_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="empty text"):
        tiny_victim("llama prompted").empty_structure(" ")


def test_a_language_model_that_is_trained_meanwhile_answers_in_eval_mode() -> None:
    victim = tiny_victim("gpt2 prompted")
    before = victim.logits([TEXT])
    victim.model.language_model.train()
    assert torch.equal(victim.logits([TEXT]), before)


def test_another_precision_keeps_prompt_and_target() -> None:
    model, tokenizer = language_model(), tiny_tokenizer("llama")
    wrapper = AttentionModelWrapper(model, tokenizer, max_tokens=9, prompt=PROMPT)
    other = AttentionModelWrapper.of(wrapper, "bfloat16")
    assert other.victim.precision == "bfloat16"
    assert (other.victim.prompt, other.victim.max_tokens) == (PROMPT, 9)


# --- encoder-decoders ---


def test_cross_attention_of_a_model_without_it_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="has no cross-attention to attack"):
        Victim(tiny("llama"), tiny_tokenizer("llama"), cross_attention=True)


def test_what_of_an_encoder_decoder_is_attackable() -> None:
    own = tiny_victim("bart").empty_structure(TEXT).shape
    encoder, decoder = Reach(), Reach(None, 0, decoder_queries=True, decoder_keys=True)
    assert own.reach == (encoder, encoder, encoder, decoder, decoder, decoder)
    crosswise = tiny_victim("bart crosswise").empty_structure(TEXT).shape
    assert crosswise.reach == (Reach(decoder_queries=True),) * 3
    assert (own.crosses, crosswise.crosses) == (False, True)
    prompted = tiny_victim("bart prompted").empty_structure(TEXT).shape
    assert (prompted.layers, prompted.reach) == (3, ())


def test_a_structure_of_cross_attention_is_saved_and_replayed(tmp_path: Path) -> None:
    victim = tiny_victim("t5 crosswise")
    shape = victim.empty_structure(TEXT).shape
    structure = Structure.from_units(shape, [(1, 0, 2, 3), (2, 1, 0, 0)])
    victim.save_structure(tmp_path / "structure", TEXT, structure)
    replay = victim.replay(tmp_path / "structure")
    assert replay.structure == structure
    assert torch.equal(replay.logits, victim.logits([TEXT], [structure])[0])


def test_a_decoder_reads_a_start_token_first() -> None:
    crossing = Shape(1, 1, 3, (Reach(decoder_queries=True),))
    structure = Structure.from_units(crossing, [(0, 0, 0, 0), (0, 0, 2, 1)])
    assert describe(structure, ["a", "good", "film"]) == ["L0 H0: <start> -> a, good -> good"]


def test_texts_are_measured_no_more_once_truncation_was_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    victim = Victim(tiny("llama"), tiny_tokenizer("llama"), max_tokens=4)
    text = "the actor was never dull but the plot is"
    victim.logits([text])
    assert caplog.text.count("was cut to the model's maximum of 4") == 1

    def measured(*_: object) -> int:
        raise AssertionError("tokenized again")

    monkeypatch.setattr(victim.inputs, "length", measured)
    victim.logits([text])


CHAT = "{% for one in messages %}<unk> {{ one.content }} {% endfor %}a story : "
TUNED = {
    "none": (None, "expected one with a chat template, got one without; write Prompt"),
    "broken": ("{% for", "a chat template that a question can be put into, got an error"),
    "refusing": ("{{ raise_exception('no users') }}", r"got an error \(no users\)"),
    "dropping": (
        "a story",
        "leaves the 1 {} of the prompt as they are, got 0|expected a prompt wi",
    ),
    "doubling": ("{{ messages[0].content * 2 }}", "leaves the 1 {} of the prompt .*, got 2 of"),
}


def test_a_prompt_in_the_chat_template_of_a_tokenizer() -> None:
    tokenizer = tiny_tokenizer("llama")
    tokenizer.chat_template = CHAT
    prompt = Prompt.of_chat("the {} was", ("good", "bad"), tokenizer)
    assert prompt == Prompt("<unk> the {} was a story : ", ("good", "bad"))
    victim = Victim(language_model(), tokenizer, prompt=prompt)
    assert victim.tokens("film") == ["<s>", "<unk>", "the", "film", "was", "a", "story", "<unk>"]


@pytest.mark.parametrize("name", TUNED)
def test_a_chat_template_that_is_missing_or_unfit_is_refused(name: str) -> None:
    template, line = TUNED[name]
    tokenizer = tiny_tokenizer("llama")
    tokenizer.chat_template = template
    with pytest.raises(InvalidInputError, match=line) as caught:
        Prompt.of_chat("the {} was", ("good", "bad"), tokenizer)
    assert "\n" not in str(caught.value)
