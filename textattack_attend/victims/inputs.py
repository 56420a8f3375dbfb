"""The inputs of each kind of model: texts, questions with choices, and texts in a prompt."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase

from ..data.choice_encodings import CHOICE_ENCODINGS
from ..data.texts import Text, parts_of
from ..errors import InvalidInputError
from .choice_inputs import ChoiceInputs
from .encoding import EncodedText, Inputs
from .prompt import Prompt


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
        parts = list(parts_of(text))
        while True:
            filled = self.prompt.fill(tuple(parts))
            length = self.length(filled)
            if length <= self.max_tokens:
                return [filled]
            self._say_truncation(length, "longest part")
            longest = max(range(len(parts)), key=lambda part: len(parts[part]))
            parts[longest] = self._without_end(parts[longest], length - self.max_tokens)

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
