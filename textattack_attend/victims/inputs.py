"""The inputs of each kind of model: texts, questions with choices, and texts in a prompt."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase

from ..data.choice_encodings import CHOICE_ENCODINGS
from ..data.texts import Text, parts_of
from ..errors import InvalidInputError
from .choice_inputs import ChoiceInputs
from .encoding import EncodedText, Inputs
from .prompt import SLOT, Prompt


class PromptInputs(Inputs):
    """Puts texts into a prompt, and cuts the longest part of a text if the result is too long.

    Args:
        tokenizer: the tokenizer of the model.
        max_tokens: the most tokens of a prompt with its text.
        prompt: the prompt into which texts are put.

    Raises:
        InvalidInputError: the prompt alone is too long.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, max_tokens: int, prompt: Prompt) -> None:
        super().__init__(tokenizer, max_tokens)
        self.prompt = prompt
        # A chat template brings the first token along.
        begin = tokenizer.bos_token
        self.adds_special_tokens = begin is None or not prompt.template.startswith(begin)
        if self.length(prompt.fill(("",) * prompt.slots)) >= max_tokens:
            raise InvalidInputError(
                f"template {prompt.template[:60]!r}: expected a prompt that leaves room for a text "
                f"in {max_tokens} tokens"
            )

    def _sequences(self, text: Text) -> list[Text]:
        """Returns the prompt with as much of the text in it as fits."""
        return [self.prompt.fill(self._fitting(text))]

    def _fitting(self, text: Text) -> tuple[str, ...]:
        """Returns the columns of a text, cut so that the prompt with them is not too long."""
        parts = list(parts_of(text))
        while True:
            length = self.length(self.prompt.fill(tuple(parts)))
            if length <= self.max_tokens:
                return tuple(parts)
            self._say_truncation(length, "longest part")
            longest = max(range(len(parts)), key=lambda part: len(parts[part]))
            parts[longest] = self._without_end(parts[longest], length - self.max_tokens)

    def outside_text(self, text: Text) -> list[int]:
        """Returns for every token 1 if it is special or the prompt's, and 0 if it is the text's.

        Raises:
            InvalidInputError: the tokenizer does not tell where its tokens stand in a text.
        """
        if not self.tokenizer.is_fast:
            raise InvalidInputError(
                "expected a fast tokenizer, which tells the tokens of the prompt from those of "
                "the text; load it with use_fast=True"
            )
        parts = self._fitting(text)
        spans, start = [], 0
        for fixed, part in zip(self.prompt.template.split(SLOT), parts, strict=False):
            start += len(fixed)
            spans.append((start, start + len(part)))
            start += len(part)
        encoded = self._tokenized(
            self.prompt.fill(parts),
            add_special_tokens=self.adds_special_tokens,
            return_offsets_mapping=True,
        )
        return [
            int(not any(begin < end_of_part and end > of_part for of_part, end_of_part in spans))
            for begin, end in encoded["offset_mapping"]
        ]

    def require_content(self, text: EncodedText) -> None:
        """Raises InvalidInputError for a text without a word."""
        if not all(part.strip() for part in parts_of(text.text)):
            raise InvalidInputError(
                f"empty text {text.text!r}: expected at least one word to attack; remove the "
                "example"
            )

    def _without_end(self, part: str, tokens: int) -> str:
        ids = self._tokenized(part, add_special_tokens=False, verbose=False)["input_ids"]
        kept: str = self.tokenizer.decode(ids[: max(0, len(ids) - tokens)])
        # Tokens may be written longer than they were read, as unknown ones.
        return kept if len(kept) < len(part) else part[:-1]


def inputs_of(
    tokenizer: PreTrainedTokenizerBase,
    max_tokens: int,
    choice_encoding: str | None,
    prompt: Prompt | None = None,
) -> Inputs:
    """Returns the inputs of a model: a prompt's, those of a model that scores choices, or plain.

    Args:
        tokenizer: the model's tokenizer.
        max_tokens: the most tokens of a sequence.
        choice_encoding: one of `CHOICE_ENCODINGS` for a model that scores choices; otherwise None.
        prompt: the prompt that makes a classifier of a language model.

    Raises:
        InvalidInputError: the prompt alone is too long.
    """
    if prompt:
        return PromptInputs(tokenizer, max_tokens, prompt)
    if choice_encoding:
        return ChoiceInputs(tokenizer, max_tokens, CHOICE_ENCODINGS[choice_encoding])
    return Inputs(tokenizer, max_tokens)
