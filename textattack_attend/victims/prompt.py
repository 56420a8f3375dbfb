"""Prompts, questions to a language model, with the words that answer them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from transformers import PretrainedConfig, PreTrainedTokenizerBase

from ..errors import InvalidInputError, described, reason_of

SLOT = "{}"
FIELD = "prompt"
"""The field of a model's configuration that holds the prompt that a classifier was trained with."""


@dataclass(frozen=True)
class Prompt:
    """Makes a classifier of a causal or seq2seq language model, without training.

    Args:
        template: the prompt, with ``{}`` where a text goes; one for every column of the dataset.
        label_words: the words that stand for class 0, 1, ...: a single token each, written as it
            follows the prompt (for most causal models with a space before it).

    Raises:
        InvalidInputError: there is no slot, or less than two label words.
    """

    template: str
    label_words: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.slots:
            raise InvalidInputError(
                f"template: expected a prompt with {SLOT} where the text goes, got "
                f"{self.template!r}"
            )
        if isinstance(self.label_words, str) or len(self.label_words) < 2:
            raise InvalidInputError(
                f"label_words: expected at least 2, one for each class, got {self.label_words!r}"
            )

    @classmethod
    def of_chat(
        cls, template: str, label_words: tuple[str, ...], tokenizer: PreTrainedTokenizerBase
    ) -> Prompt:
        """Puts a prompt into the chat template of a tokenizer, as the question of a user.

        The answer begins behind it, for many models without a space.

        Args:
            template: the question, with ``{}`` where a text goes.
            label_words: the words that stand for class 0, 1, ...
            tokenizer: the tokenizer, which has a chat template.

        Raises:
            InvalidInputError: the tokenizer has no chat template, or one that cannot be used.
        """
        if not tokenizer.chat_template:
            raise InvalidInputError(
                "tokenizer: expected one with a chat template, got one without; write "
                "Prompt(template, label_words) for a model that was not tuned for chats, or set "
                "tokenizer.chat_template"
            )
        question = [{"role": "user", "content": cls(template, label_words).template}]
        try:
            chat = tokenizer.apply_chat_template(
                question, tokenize=False, add_generation_prompt=True
            )
        except Exception as error:  # a template is a program of a stranger
            raise InvalidInputError(
                "tokenizer: expected a chat template that a question can be put into, got an error "
                f"({reason_of(error)}); write Prompt(template, label_words), or mend "
                "tokenizer.chat_template"
            ) from error
        prompt = cls(str(chat), label_words)
        if prompt.slots != template.count(SLOT):
            raise InvalidInputError(
                f"tokenizer: expected a chat template that leaves the {template.count(SLOT)} "
                f"{SLOT} of the prompt as they are, got {prompt.slots} of them; write the chat "
                "by hand as Prompt(template, label_words)"
            )
        return prompt

    @property
    def slots(self) -> int:
        """The number of columns that the prompt takes."""
        return self.template.count(SLOT)

    def fill(self, parts: tuple[str, ...]) -> str:
        """Returns the prompt filled with the columns of an example.

        Raises:
            InvalidInputError: there are more or less columns than slots.
        """
        if len(parts) != self.slots:
            raise InvalidInputError(
                f"template {self.template!r} has {self.slots} slots: expected texts with as many "
                f"columns, got {len(parts)}"
            )
        texts = (*parts, "")
        return "".join(f"{a}{b}" for a, b in zip(self.template.split(SLOT), texts, strict=True))

    def label_ids(self, tokenizer: PreTrainedTokenizerBase) -> list[int]:
        """Returns the id of the token of every label word.

        Raises:
            InvalidInputError: a word is unknown or more than one token, or two words are the same.
        """
        ids = [_single_token(word, tokenizer) for word in self.label_words]
        if len(set(ids)) < len(ids):
            raise InvalidInputError(
                f"label_words: expected a token of its own for each class, got "
                f"{self.label_words!r} as {tokenizer.convert_ids_to_tokens(ids)}"
            )
        return ids


def adopt_prompt(config: PretrainedConfig, prompt: Prompt | None) -> None:
    """Writes the prompt of a classifier into its configuration, from where a victim reads it.

    Args:
        config: the configuration.
        prompt: the prompt; None deletes that of an earlier training.
    """
    vars(config).pop(FIELD, None)
    if prompt is not None:
        written = {"template": prompt.template, "label_words": list(prompt.label_words)}
        setattr(config, FIELD, written)


def prompt_of(config: PretrainedConfig) -> Prompt | None:
    """Returns the prompt that a classifier was trained with, see `adopt_prompt`; None without one.

    Raises:
        InvalidInputError: the configuration holds something else there.
    """
    written: Any = getattr(config, FIELD, None)
    if written is None:
        return None
    try:
        return Prompt(str(written["template"]), tuple(map(str, written["label_words"])))
    except (TypeError, KeyError) as error:
        raise InvalidInputError(
            f"{FIELD}: expected a template and its label_words in the model's configuration, got "
            f"{described(written)}; delete the field to go without a prompt"
        ) from error


def _single_token(word: str, tokenizer: PreTrainedTokenizerBase) -> int:
    ids: list[int] = tokenizer(word, add_special_tokens=False)["input_ids"]
    tokens = tokenizer.convert_ids_to_tokens(ids)
    if len(ids) != 1:
        spaced = tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
        hint = f"write {' ' + word!r}" if len(spaced) == 1 else "choose another word"
        raise InvalidInputError(
            f"label word {word!r}: expected a single token, got {tokens}; {hint}"
        )
    if ids[0] == tokenizer.unk_token_id:
        raise InvalidInputError(
            f"label word {word!r}: expected a word of the tokenizer's vocabulary, got an unknown "
            "one; choose another word"
        )
    return ids[0]
