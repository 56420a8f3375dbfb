"""Measures how much attention the first token pays to stop words, opinion words and others."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

import torch

from ..errors import InvalidInputError, UnsupportedModelError
from ..victims.victim import Victim


@dataclass(frozen=True)
class Shares:
    """Shares of the first token's attention in one layer, means over its heads and all texts."""

    stop_words: float
    opinion_words: float
    other_words: float
    special_tokens: float


def attention_shares(
    victim: Victim,
    texts: Sequence[str],
    stop_words: Container[str],
    opinion_words: Container[str],
    layer: int = -1,
) -> Iterator[Shares]:
    """Yields, after each text, the shares of all texts so far; a word counts with all its tokens.

    Args:
        victim: a victim with a fast tokenizer.
        texts: the texts, each of which is one sequence.
        stop_words: the stop words in lower case.
        opinion_words: the opinion words in lower case; one that is a stop word, too, counts as a
            stop word.
        layer: the number of the layer, counted from 0, or from -1 backwards from the last.

    Raises:
        UnsupportedModelError: the tokenizer does not tell which tokens make a word, or the first
            token does not see the others, as in a decoder.
        InvalidInputError: the model has no such layer, or a text has several columns.
    """
    if not all(isinstance(text, str) for text in texts):
        raise InvalidInputError(
            "expected texts of one column, whose words are counted, got pairs or questions; name "
            "one column of them, as FILE^premise,label"
        )
    shape = victim.empty_structure(texts[0]).shape
    if not -shape.layers <= layer < shape.layers:
        raise InvalidInputError(
            f"layer: expected one of the model's {shape.layers}, -{shape.layers} to "
            f"{shape.layers - 1}, got {layer}"
        )
    if not shape.first_is_special or shape.crosses or any(own.after == 0 for own in shape.reach):
        raise UnsupportedModelError(
            "expected an encoder and its self-attention, with a special first token that stands "
            "for the text; a decoder's first token sees nothing but itself"
        )
    sums = torch.zeros(4)
    for number, text in enumerate(texts, 1):
        attention = victim.capture(text, None).probabilities[layer, :, 0].mean(0)
        kinds = [_kind(word, stop_words, opinion_words) for word in _words(victim, text)]
        sums += torch.zeros(4, dtype=attention.dtype).index_add(0, torch.tensor(kinds), attention)
        yield Shares(*(sums / number).tolist())


def _words(victim: Victim, text: str) -> list[str | None]:
    """Returns the word that each token belongs to, in lower case; None for special tokens."""
    (sequence,) = victim.inputs.sequences(text)  # the text, or the prompt with it
    encodings = victim.inputs.tokenize([sequence]).encodings
    if encodings is None:
        raise UnsupportedModelError(
            "expected a fast tokenizer, which tells the words of its tokens; load it with "
            "use_fast=True"
        )
    (encoded,) = encodings
    spans = [None if i is None else encoded.word_to_chars(i) for i in encoded.word_ids]
    return [None if span is None else str(sequence)[slice(*span)].lower() for span in spans]


def _kind(word: str | None, stop_words: Container[str], opinion_words: Container[str]) -> int:
    """Returns the position, among the fields of `Shares`, of the kind of a word."""
    if word is None:
        return 3
    if word in stop_words:
        return 0
    return 1 if word in opinion_words else 2
