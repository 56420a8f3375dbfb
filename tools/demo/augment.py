"""Makes endless variations on a few thousand sentences, for a teacher to label.

A sentence is a list of words and a word a list of token ids, so every variation keeps words whole.
Whether a variation still means the same does not matter: the teacher reads it and says so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch.nn.functional import normalize
from transformers import BertTokenizerFast

Word = list[int]
CONNECTORS = (", but", "but", "and", ", although", ", yet", ".", "; still ,", "because", "while")
ENDINGS = (".", "!", "...")


@dataclass(frozen=True)
class Rates:
    """The rate of each change: of the first two for a sentence, of the others for a word."""

    fragment: float = 0.4
    splice: float = 0.15
    ending: float = 0.5
    drop: float = 0.04
    swaps: tuple[float, ...] = (0.0, 0.0, 0.1, 0.25, 0.5)


def natural(sentence: str) -> str:
    """Undoes the treebank's spacing of contractions: `does n't` becomes `doesn't`."""
    return re.sub(r" (n't|'(?:s|re|ve|ll|d|m))\b", r"\1", sentence)


def split_words(tokenizer: BertTokenizerFast, sentences: Sequence[str]) -> list[list[Word]]:
    """Tokenizes sentences, and groups the ids of each by the word that they spell."""
    encoded = tokenizer(list(sentences), add_special_tokens=False)
    return [group(ids, encoded.word_ids(row)) for row, ids in enumerate(encoded["input_ids"])]


def group(ids: Sequence[int], owners: Sequence[int | None]) -> list[Word]:
    """Puts neighbouring ids with the same owner into one word."""
    words: list[Word] = []
    previous: int | None = None
    for token, owner in zip(ids, owners, strict=True):
        if owner == previous and words:
            words[-1].append(token)
        else:
            words.append([token])
        previous = owner
    return words


def nearest_words(
    tokenizer: BertTokenizerFast, embeddings: torch.Tensor, count: int = 12
) -> dict[int, list[int]]:
    """Maps every whole word of the vocabulary to the words whose embeddings are closest.

    `embeddings` has one row a token of `tokenizer`, (vocabulary, hidden).
    """
    whole = [i for token, i in tokenizer.get_vocab().items() if token.isalpha() and len(token) > 2]
    whole.sort()
    vectors = normalize(embeddings[whole], dim=-1)  # (words, hidden)
    closest = (vectors @ vectors.T).topk(count + 1).indices[:, 1:].tolist()
    return {word: [whole[j] for j in row] for word, row in zip(whole, closest, strict=True)}


class Augmenter:
    """Draws token id sequences, without [CLS] and [SEP], from varied sentences."""

    def __init__(
        self,
        tokenizer: BertTokenizerFast,
        sentences: Sequence[str],
        neighbours: dict[int, list[int]],
        rng: Random,
        rates: Rates | None = None,
    ) -> None:
        """Tokenizes `sentences` both as they are and with natural contractions."""
        both = [*sentences, *map(natural, sentences)]
        self.sentences = [words for words in split_words(tokenizer, both) if words]
        self.connectors = split_words(tokenizer, CONNECTORS)
        self.endings = split_words(tokenizer, ENDINGS)
        self.neighbours = neighbours
        self.rng = rng
        self.rates = rates or Rates()

    def draw(self, longest: int) -> list[int]:
        """Returns one variation of at most `longest` token ids."""
        words = self._base()
        if self._chance(self.rates.splice):
            words = [*words, *self.rng.choice(self.connectors), *self._base()]
        words = self._swap(self._drop(words))
        if self._chance(self.rates.ending):
            words = [*words, *self.rng.choice(self.endings)]
        return [token for word in words for token in word][:longest]

    def _chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def _base(self) -> list[Word]:
        """Returns a sentence, or a contiguous fragment of one."""
        words = self.rng.choice(self.sentences)
        if len(words) < 4 or not self._chance(self.rates.fragment):
            return words
        size = self.rng.randint(2, len(words) - 1)
        start = self.rng.randint(0, len(words) - size)
        return words[start : start + size]

    def _drop(self, words: list[Word]) -> list[Word]:
        kept = [word for word in words if not self._chance(self.rates.drop)]
        return kept or words

    def _swap(self, words: list[Word]) -> list[Word]:
        rate = self.rng.choice(self.rates.swaps)
        return [self._neighbour(word) if self._chance(rate) else word for word in words]

    def _neighbour(self, word: Word) -> Word:
        options = self.neighbours.get(word[0]) if len(word) == 1 else None
        return [self.rng.choice(options)] if options else word
