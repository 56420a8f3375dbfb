"""The two ways to read a question with choices, against a plain re-implementation."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForMultipleChoice, AutoTokenizer, BertTokenizerFast

from textattack_attend.checkpoints.card import Card
from textattack_attend.commands.main import main
from textattack_attend.data.choice_encodings import CHOICE_ENCODINGS
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import wrapper_for
from textattack_attend.victims.inputs import inputs_of
from textattack_attend.victims.victim import Victim

from ..conftest import MAX_TOKENS, WORDS, tiny_config
from ..helpers.tiny_training import write_pretrained

Parts = tuple[list[str], list[str]]
MARKS = 3
"""[CLS] and two [SEP]."""


def released(context: list[str], question: list[str], room: int) -> Parts:
    """Takes a word from the end of the longer part until both fit.

    Of two parts of one length the one that was longer in the beginning keeps its word.
    """
    first, second = len(context), len(question)
    context_was_longer = first > second
    while first + second > room:
        if first > second or (first == second and not context_was_longer):
            first -= 1
        else:
            second -= 1
    return context[:first], question[:second]


def whole_question(context: list[str], question: list[str], room: int) -> Parts:
    """Takes words from the end of the context, if one of them stays."""
    if len(context) + len(question) > room > len(question):
        return context[: room - len(question)], question
    return released(context, question, room)


def rows(vocabulary: Path, encoding: str, text: tuple[str, ...], room: int) -> list[Parts]:
    """The words of context and question that the model reads, for each choice."""
    tokenizer = BertTokenizerFast(str(vocabulary))
    read = inputs_of(tokenizer, room + MARKS, encoding).encoded(text)
    parts: list[Parts] = []
    for row in read.rows:
        tokens: Any = tokenizer.convert_ids_to_tokens(row["input_ids"].tolist())
        first, second = (at for at, token in enumerate(tokens) if token == "[SEP]")
        assert row["token_type_ids"].tolist() == [0] * (first + 1) + [1] * (second - first)
        assert row["attention_mask"].tolist() == [1] * len(tokens)
        parts.append((tokens[1:first], tokens[first + 1 : second]))
    return parts


words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=20)


@given(
    context=words, question=words, choices=st.lists(words, min_size=2, max_size=3), data=st.data()
)
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize(
    ("encoding", "plain"), [("whole-question", whole_question), ("released", released)]
)
def test_what_is_cut(
    vocabulary: Path,
    encoding: str,
    plain: Any,
    context: list[str],
    question: list[str],
    choices: list[list[str]],
    data: st.DataObject,
) -> None:
    room = data.draw(st.integers(min_value=2, max_value=40))
    text = (" ".join(context), " ".join(question), *map(" ".join, choices))
    expected = [plain(context, question + choice, room) for choice in choices]
    found = rows(vocabulary, encoding, text, room)
    assert found == expected


def test_the_choice_takes_the_place_of_a_gap_as_the_papers_code_has_it(vocabulary: Path) -> None:
    text = ("the plot", "the film is _ and cold", "good", "bad")
    assert rows(vocabulary, "released", text, 20)[0] == (
        ["the", "plot"],
        ["the", "film", "is", "good", "and", "cold"],
    )
    assert rows(vocabulary, "whole-question", text, 20)[0][1][-1] == "good"
    plain = ("the plot", "the film is", "good", "bad")
    assert rows(vocabulary, "released", plain, 20) == rows(vocabulary, "whole-question", plain, 20)


def write_cloze(folder: Path) -> Path:
    """Questions whose answer is the choice with the word good, some longer than the model reads."""
    folder.mkdir()
    for name, count in (("train.json", 24), ("val.json", 8)):
        entries = [
            {
                "context": "the plot is weak and cold " * (6 if number % 4 == 1 else 1),
                "question": "the film is _ and dull " * (5 if number % 4 == 3 else 1),
                "answers": ["good", "bad", "cold", "weak"],
                "label": 0,
            }
            for number in range(count)
        ]
        for entry in entries[::2]:
            entry |= {"answers": ["bad", "good", "cold", "weak"], "label": 1}
        (folder / name).write_text(json.dumps(entries))
    return folder


def test_a_model_is_attacked_as_it_was_trained(vocabulary: Path, tmp_path: Path) -> None:
    """The encoding is on the card, in the configuration, in the identity, and in the inputs."""
    pretrained = write_pretrained(tmp_path / "pretrained", vocabulary)
    data = write_cloze(tmp_path / "cloze")
    arguments = ["train", "--data", f"{data}^reclor", "--model", pretrained, "--epochs", "1"]
    arguments += ["--max-tokens", str(MAX_TOKENS)]
    output = {name: str(tmp_path / name) for name in CHOICE_ENCODINGS}
    said = {}
    for name, folder in output.items():
        run = CliRunner().invoke(main, [*arguments, "--output", folder, "--choice-encoding", name])
        assert run.exit_code == 0, run.output
        said[name] = run.stderr
        assert Card.of(Path(folder)).choice_encoding == name  # type: ignore[union-attr]
    cut = f"12 of 24 texts were cut to {MAX_TOKENS} tokens: the "
    assert f"{cut}context of 6, the longer part of 6" in said["whole-question"]
    assert f"{cut}longer part of 12" in said["released"]
    wrappers = {name: wrapper_for(folder) for name, folder in output.items()}
    text = ("the plot", "the film is _ and cold", "good", "bad", "cold", "weak")
    read = {name: own.victim.tokens(text) for name, own in wrappers.items()}
    assert read["released"] != read["whole-question"]
    assert "good" in read["released"][: read["released"].index("cold")]
    identities = {name: own.identity() for name, own in wrappers.items()}
    assert identities["released"].settings["choice_encoding"] == "released"
    assert "choice_encoding" not in identities["whole-question"].settings
    # A user's own loading has it, too.
    model = AutoModelForMultipleChoice.from_pretrained(output["released"])
    victim = Victim(model, AutoTokenizer.from_pretrained(output["released"]))
    assert victim.tokens(text) == read["released"]


def test_an_attack_says_once_which_part_was_cut(
    vocabulary: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inputs = inputs_of(BertTokenizerFast(str(vocabulary)), 10, "whole-question")
    with caplog.at_level(logging.WARNING):
        inputs.encoded(("the plot is weak and cold", "the film", "good", "bad"))
        inputs.encoded(("the plot is weak and cold", "the film", "bad", "good"))
    (line,) = caplog.messages
    assert "12 tokens was cut to the model's maximum of 10: its context" in line


def test_texts_without_choices_have_no_such_encoding(vocabulary: Path, tmp_path: Path) -> None:
    pretrained = write_pretrained(tmp_path / "pretrained", vocabulary)
    table = tmp_path / "data"
    table.mkdir()
    for name in ("train.csv", "dev.csv"):
        (table / name).write_text("text,label\ngood,1\nbad,0\n")
    arguments = ["train", "--data", f"{table}^text,label", "--model", pretrained]
    arguments += ["--output", str(tmp_path / "out"), "--choice-encoding", "released"]
    run = CliRunner().invoke(main, arguments)
    assert run.exit_code == 1
    assert (
        "choice_encoding: expected none, as the texts of text,label have no choices" in run.stderr
    )
    assert not (tmp_path / "out").exists()


def test_an_unknown_encoding_of_a_checkpoint_is_refused(vocabulary: Path, tmp_path: Path) -> None:
    pretrained = write_pretrained(tmp_path / "pretrained", vocabulary)
    model = AutoModelForMultipleChoice.from_config(tiny_config("bert"))
    model.config.choice_encoding = "relesed"
    with pytest.raises(InvalidInputError, match=r"choice_encoding.*released"):
        Victim(model, AutoTokenizer.from_pretrained(pretrained))
