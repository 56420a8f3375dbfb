"""The inputs of a model that scores choices."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import BatchEncoding, PreTrainedTokenizerBase

from ..data.choice_encodings import ChoiceEncoding
from ..data.texts import Text, parts_of
from ..errors import InvalidInputError
from .encoding import Inputs


class ChoiceInputs(Inputs):
    """A text has the parts (context, question, choice, choice, ...), and is read once for each.

    A row is the context, and the question with a choice.

    Args:
        tokenizer: the tokenizer of the model.
        max_tokens: the most tokens of a sequence.
        encoding: where a choice stands in its question, and which part is cut.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, max_tokens: int, encoding: ChoiceEncoding
    ) -> None:
        super().__init__(tokenizer, max_tokens)
        self.encoding = encoding

    def _sequences(self, text: Text) -> list[Text]:
        """Returns a sequence for each choice."""
        context, question, *choices = text if isinstance(text, tuple) else ("", text)
        if len(choices) < 2:
            raise InvalidInputError(
                f"a question with {len(choices)} choices: expected the columns context, question "
                f"and at least 2 choices, got {text!r}"
            )
        return [(context, self.encoding.asked(question, choice)) for choice in choices]

    def tokenize(self, sequences: Sequence[Text]) -> BatchEncoding:
        """Returns the token ids of sequences, lists by name, and cuts those that are too long."""
        whole = self._tokenized(list(sequences), verbose=False)
        lengths = list(map(len, whole["input_ids"]))
        if max(lengths) <= self.max_tokens:
            return whole
        rows = [
            {name: values[row] for name, values in whole.items()}
            if length <= self.max_tokens
            else self._cut(sequence)
            for row, (sequence, length) in enumerate(zip(sequences, lengths, strict=True))
        ]
        return BatchEncoding({name: [row[name] for row in rows] for name in rows[0]})

    def cut_part(self, sequence: Text) -> str:
        """Names the part of a sequence that is cut if the whole is too long."""
        _, question = parts_of(sequence)
        # A token of the context must be left.
        leaves_room = self.length(("", question)) < self.max_tokens
        return "context" if self.encoding.spares_question and leaves_room else "longer part"

    def _cut(self, sequence: Text) -> BatchEncoding:
        part = "only_first" if self.cut_part(sequence) == "context" else "longest_first"
        return self._tokenized(*parts_of(sequence), truncation=part, max_length=self.max_tokens)
