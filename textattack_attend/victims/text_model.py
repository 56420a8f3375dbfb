"""A model of texts: a classifier with its tokenizer, and what it reads of a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase

from ..attention import family_of, is_multiple_choice, shape_of
from ..data.choice_encodings import choice_encoding_of
from ..data.texts import Text
from ..errors import require_number, require_whole_number
from ..structures import Shape, Structure
from .batches import groups_by_length, groups_of
from .encoding import EncodedText
from .inputs import inputs_of
from .prompt import Prompt, prompt_of
from .requirements import (
    classifier_of,
    reads_the_last_end,
    require_classification_token,
    require_embedded,
    require_fitting_tokenizer,
    require_padding,
)


class TextModel:
    """A classifier with its tokenizer; it classifies sequences, scores choices, or has a prompt.

    `Inputs`, `ChoiceInputs` and `PromptInputs` say what these three read of a text.

    Args:
        model: a model of a supported family, see `Victim`.
        tokenizer: the model's tokenizer.
        max_tokens: the most tokens of a sequence, if fewer than the model and the tokenizer allow.
        prompt: the prompt that makes a classifier of a language model; a classifier that was
            trained with a prompt has it in its configuration.
        cross_attention: whether structures mask a decoder's attention to its encoder.

    Raises:
        UnsupportedModelError: the family, the head, or the tokenizer cannot be attacked.
        InvalidInputError: the prompt does not fit the tokenizer, or a length is not positive.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        max_tokens: int | None,
        prompt: Prompt | None,
        cross_attention: bool,
    ) -> None:
        self.model: Any = classifier_of(model, tokenizer, prompt)
        family = family_of(self.model)
        family.reach_of(self.model, cross_attention)  # refuses a model without it
        self.tokenizer = tokenizer
        self.prompt = prompt
        self.cross_attention = cross_attention
        if max_tokens is not None:
            require_whole_number("max_tokens", max_tokens)
        require_number("model_max_length", tokenizer.model_max_length, "[1, inf)")
        longest = min(family.max_tokens(self.model.config), tokenizer.model_max_length)
        self.max_tokens = longest if max_tokens is None else min(max_tokens, longest)
        require_classification_token(self.model, tokenizer)
        require_padding(self.model, tokenizer)
        require_fitting_tokenizer(self.model, tokenizer)
        chooses = is_multiple_choice(self.model)
        self.choice_encoding = choice_encoding_of(self.model.config) if chooses else None
        asked = prompt or prompt_of(self.model.config)
        self.inputs = inputs_of(tokenizer, self.max_tokens, self.choice_encoding, asked)

    @property
    def num_labels(self) -> int:
        """The number of classes that the model tells apart."""
        return int(self.model.config.num_labels)

    def num_classes(self, text: Text) -> int:
        """Returns the number of classes, or of choices, for a text."""
        return (
            len(self.inputs.sequences(text)) if is_multiple_choice(self.model) else self.num_labels
        )

    def tokens(self, text: Text | EncodedText) -> list[str]:
        """Returns the tokens of all sequences of a text, special tokens included."""
        ids = [i for row in self.inputs.encoded(text).ids for i in row]
        return list(self.tokenizer.convert_ids_to_tokens(ids))

    def empty_structure(self, text: Text | EncodedText) -> Structure:
        """Returns the structure of a text that masks nothing.

        Raises:
            InvalidInputError: the text has no token but special ones.
        """
        encoded = self.inputs.encoded(text)
        self.inputs.require_content(encoded)
        return Structure(self._shape(encoded.ids))

    def groups(self, texts: Sequence[Text | EncodedText]) -> list[list[int]]:
        """Returns the positions of texts that may share a batch without a change of any result.

        Raises:
            InvalidInputError: the model has no embedding of a token.
        """
        if family_of(self.model).feels_padding(self.model.config):
            return groups_by_length(self._encoded(texts))
        if not reads_the_last_end(self.model):
            return [list(range(len(texts)))]
        return groups_of(self.model, self._encoded(texts), int(self.tokenizer.pad_token_id))

    def _shape(self, ids: Sequence[Sequence[int]]) -> Shape:
        """Returns the shape of a text's attention from the token ids of each of its sequences."""
        lengths = tuple(map(len, ids))
        first_is_special = ids[0][0] in self.tokenizer.all_special_ids
        shape = shape_of(self.model, sum(lengths), first_is_special, self.cross_attention)
        return replace(shape, sequences=lengths) if is_multiple_choice(self.model) else shape

    def _encoded(self, texts: Sequence[Text | EncodedText]) -> BatchEncoding:
        """Returns what the model reads of texts, tensors (B, T) on the CPU."""
        encoded = self.inputs.encode(texts)
        require_embedded(self.model, encoded)
        return encoded
