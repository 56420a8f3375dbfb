"""Inputs, which convert texts to the rows of token ids that a model reads."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import BatchEncoding, PreTrainedTokenizerBase

from ..attention.threads import lock_of
from ..data.cells import SHOWN, require_text
from ..data.texts import Text, parts_of
from ..errors import InvalidInputError

logger = logging.getLogger(__name__)


def require_readable(text: Any) -> Text:
    """Returns a text that every tokenizer can read.

    Raises:
        InvalidInputError: the text is no string and no tuple of strings, or has half of a surrogate
            pair, which stands for no character.
    """
    parts = parts_of(text)
    if not isinstance(parts, tuple) or not parts or not all(isinstance(p, str) for p in parts):
        raise InvalidInputError(
            f"text {repr(text)[:SHOWN]}: expected a string, or a tuple of strings for its columns, "
            f"got {type(text).__name__}"
        )
    for part in parts:
        require_text(part, f"text {repr(text)[:SHOWN]}")
    readable: Text = text
    return readable


@dataclass(frozen=True, eq=False)
class EncodedText:
    """A text with the token ids that the model reads of it; `Inputs.encoded` makes it.

    Args:
        text: the text.
        sequences: the sequences that the model reads of the text.
        rows: the tokenizer's output for each sequence, tensors by name, int64 (T,).
    """

    text: Text
    sequences: Sequence[Text]
    rows: Sequence[Mapping[str, Tensor]]

    @property
    def ids(self) -> list[list[int]]:
        """The token ids of each sequence."""
        return [row["input_ids"].tolist() for row in self.rows]


class Inputs:
    """Encodes every text as one sequence, and a text of two parts as a pair.

    Texts are cut as TextAttack cuts them, with one warning, and padded on the right to
    the longest text of the batch.

    Args:
        tokenizer: the tokenizer of the model.
        max_tokens: the most tokens of a sequence.
    """

    adds_special_tokens = True

    def __init__(self, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> None:
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self._said_truncation = False

    def sequences(self, text: Text) -> list[Text]:
        """Returns the sequences that the model reads of a text.

        Raises:
            InvalidInputError: the text is none that a tokenizer can read, or it has other columns
                than the model reads.
        """
        return self._sequences(require_readable(text))

    def _sequences(self, text: Text) -> list[Text]:
        if len(parts_of(text)) > 2:
            raise InvalidInputError(
                f"a text with {len(parts_of(text))} columns: expected one, or two for a pair; "
                "name the columns to read"
            )
        return [text]

    def encoded(self, text: Text | EncodedText) -> EncodedText:
        """Encodes a text; one that is encoded already is returned as it is.

        Raises:
            InvalidInputError: the text has other columns than the model reads.
        """
        if isinstance(text, EncodedText):
            return text
        sequences = self.sequences(text)
        encoded = self.tokenize(sequences)
        rows = [
            {name: torch.tensor(values[row]) for name, values in encoded.items()}
            for row in range(len(sequences))
        ]
        self._note_truncation(max(len(row["input_ids"]) for row in rows), sequences)
        return EncodedText(text, sequences, rows)

    def encode(self, texts: Sequence[Text | EncodedText]) -> BatchEncoding:
        """Returns tensors of all rows, (B, T) each.

        Raises:
            InvalidInputError: a text has other columns than the model reads, or the texts have
                different numbers of rows.
        """
        encoded = [self.encoded(text) for text in texts]
        _require_equally_many([text.sequences for text in encoded])
        return self._padded([row for text in encoded for row in text.rows])

    def _padded(self, rows: Sequence[Mapping[str, Tensor]]) -> BatchEncoding:
        """Pads rows on the right to the longest, as the tokenizer does."""
        padding = {
            "input_ids": self.tokenizer.pad_token_id,
            "token_type_ids": self.tokenizer.pad_token_type_id,
        }
        return BatchEncoding(
            {
                name: pad_sequence(
                    [row[name] for row in rows],
                    batch_first=True,
                    padding_value=padding.get(name) or 0,
                )
                for name in rows[0]
            }
        )

    def tokenize(self, sequences: Sequence[Text]) -> BatchEncoding:
        """Returns the token ids of sequences, lists by name, and cuts those that are too long."""
        return self._tokenized(
            list(sequences),
            add_special_tokens=self.adds_special_tokens,
            truncation=True,
            max_length=self.max_tokens,
        )

    def require_content(self, text: EncodedText) -> None:
        """Raises InvalidInputError for a text that has no token but special ones."""
        pair = len(parts_of(text.sequences[0])) > 1
        if min(map(len, text.ids)) <= self.tokenizer.num_special_tokens_to_add(pair=pair):
            raise InvalidInputError(
                f"empty text {text.text!r}: expected at least one token to attack; remove the "
                "example"
            )

    def cut_part(self, sequence: Text) -> str:
        """Names the part of a sequence that is cut if the whole is too long."""
        return "longer part" if len(parts_of(sequence)) > 1 else "end"

    def length(self, sequence: Text) -> int:
        """Returns the length of a sequence in tokens, before it is cut."""
        special = self.adds_special_tokens
        encoded = self._tokenized(*parts_of(sequence), verbose=False, add_special_tokens=special)
        return len(encoded["input_ids"])

    def _tokenized(self, *texts: Any, **options: Any) -> BatchEncoding:
        """Calls the tokenizer, which cannot serve two threads at once."""
        with lock_of(self.tokenizer):
            encoded: BatchEncoding = self.tokenizer(*texts, **options)
        return encoded

    def _note_truncation(self, longest: int, sequences: Sequence[Text]) -> None:
        """Says once that a sequence was cut, if the longest row has all the tokens it may have."""
        if longest == self.max_tokens and not self._said_truncation:
            whole = max(sequences, key=self.length)
            self._say_truncation(self.length(whole), self.cut_part(whole))

    def _say_truncation(self, tokens: int, part: str) -> None:
        if tokens > self.max_tokens and not self._said_truncation:
            self._said_truncation = True
            logger.warning(
                "a text of %d tokens was cut to the model's maximum of %d: its %s; this is said "
                "once",
                tokens,
                self.max_tokens,
                part,
            )


def _require_equally_many(by_text: Sequence[Sequence[Text]]) -> None:
    """Refuses questions with different numbers of choices."""
    numbers = sorted({len(sequences) for sequences in by_text})
    if len(numbers) > 1:
        raise InvalidInputError(
            f"questions with {' and '.join(map(str, numbers))} choices: expected the same "
            "number everywhere; attack them in datasets of their own"
        )
