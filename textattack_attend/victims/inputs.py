"""The inputs of each kind of model: texts, questions with choices, and texts in a prompt."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase

from ..data.texts import Text, parts_of
from ..errors import InvalidInputError
from .encoding import EncodedText, Inputs
from .prompt import Prompt


class ChoiceInputs(Inputs):
    """A text has the parts (context, question, choice, choice, ...), and is read once for each.

    A row is the context, cut if need be, and the question with a choice.
    """

    truncation = "only_first"

    def _sequences(self, text: Text) -> list[Text]:
        """Returns a sequence for each choice."""
        context, question, *choices = text if isinstance(text, tuple) else ("", text)
        if len(choices) < 2:
            raise InvalidInputError(
                f"a question with {len(choices)} choices: expected the columns context, question "
                f"and at least 2 choices, got {text!r}"
            )
        return [(context, f"{question} {choice}") for choice in choices]


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
        if self._length(prompt.fill(("",) * prompt.slots)) >= max_tokens:
            raise InvalidInputError(
                f"template {prompt.template[:60]!r}: expected a prompt that leaves room for a text "
                f"in {max_tokens} tokens"
            )

    def _sequences(self, text: Text) -> list[Text]:
        """Returns the prompt with as much of the text in it as fits."""
        parts = list(parts_of(text))
        while True:
            filled = self.prompt.fill(tuple(parts))
            length = self._length(filled)
            if length <= self.max_tokens:
                return [filled]
            self._say_truncation(length)
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
    is_multiple_choice: bool,
    prompt: Prompt | None = None,
) -> Inputs:
    """Returns the inputs of a model: a prompt's, those of a model that scores choices, or plain.

    Args:
        tokenizer: the model's tokenizer.
        max_tokens: the most tokens of a sequence.
        is_multiple_choice: whether the model scores choices.
        prompt: the prompt that makes a classifier of a language model.

    Raises:
        InvalidInputError: the prompt alone is too long.
    """
    if prompt:
        return PromptInputs(tokenizer, max_tokens, prompt)
    return (ChoiceInputs if is_multiple_choice else Inputs)(tokenizer, max_tokens)
