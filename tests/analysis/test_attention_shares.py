"""Where the classification token looks, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from transformers import BertTokenizerFast

from textattack_attend.analysis.attention_shares import Shares, _words, attention_shares
from textattack_attend.commands.main import main
from textattack_attend.errors import InvalidInputError, UnsupportedModelError
from textattack_attend.victims.victim import Victim

from ..conftest import LAYERS, tiny_model
from ..helpers.tiny_families import tiny_victim

TEXT = "the film is good Bad"  # [CLS] the film is good bad [SEP]


@pytest.fixture
def victim(vocabulary: Path) -> Victim:
    return Victim(tiny_model("bert"), BertTokenizerFast(str(vocabulary)))


def test_shares_by_hand(victim: Victim) -> None:
    attention = victim.capture(TEXT, None).probabilities[1, :, 0].mean(0).tolist()
    begin, the, film, is_, good, bad, end = attention
    opinions = {"good", "bad", "the"}
    (shares,) = attention_shares(victim, [TEXT], {"the", "is"}, opinions, layer=1)
    expected = Shares(the + is_, good + bad, film, begin + end)
    assert vars(shares) == pytest.approx(vars(expected), abs=1e-6)
    assert sum(vars(shares).values()) == pytest.approx(1)


def test_words_of_a_prompted_text_are_those_of_the_prompt_with_it() -> None:
    text = "the actor was never dull"
    victim = tiny_victim("bart prompted")
    words = [word for word in _words(victim, text) if word]
    filled = victim.prompt.fill((text,)).lower()  # type: ignore[union-attr]
    assert all(word in filled for word in words)
    assert len("".join(words)) > len("".join(text.split()))  # the prompt's own words count


def test_texts_count_alike(victim: Victim) -> None:
    (alone,) = attention_shares(victim, ["good"], set(), {"good"})
    *_, both = attention_shares(victim, [TEXT, "good"], set(), {"good"})
    (first,) = attention_shares(victim, [TEXT], set(), {"good"})
    mean = (alone.opinion_words + first.opinion_words) / 2
    assert both.opinion_words == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("layer", [-LAYERS - 1, LAYERS])
def test_a_layer_that_the_model_lacks(victim: Victim, layer: int) -> None:
    with pytest.raises(InvalidInputError, match=f"layer: .* got {layer}"):
        next(attention_shares(victim, [TEXT], set(), set(), layer))


def test_a_decoders_first_token_sees_nothing() -> None:
    with pytest.raises(UnsupportedModelError, match="expected an encoder"):
        next(attention_shares(tiny_victim("gpt2"), [TEXT], set(), set()))


def test_the_command(victim: Victim, tmp_path: Path) -> None:
    victim.model.save_pretrained(tmp_path / "model")
    victim.tokenizer.save_pretrained(tmp_path / "model")
    (tmp_path / "dev.tsv").write_text(f"{TEXT}\t1\n")
    (tmp_path / "opinions.txt").write_text("; a comment\n\nGood\nbad\n")
    arguments = ["attention", "--model", str(tmp_path / "model"), "--layer", "1"]
    arguments += ["--data", str(tmp_path / "dev.tsv"), "--opinion-words"]
    done = CliRunner().invoke(main, [*arguments, str(tmp_path / "opinions.txt")])
    assert done.exit_code == 0, done.output
    (shares,) = attention_shares(victim, [TEXT], {"the", "is"}, {"good", "bad"}, layer=1)
    rows = [line.rsplit(maxsplit=1) for line in done.stdout.splitlines()]
    assert rows == [[name.replace("_", " "), f"{x:.1%}"] for name, x in vars(shares).items()]
