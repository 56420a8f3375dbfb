"""The settings of a training: one record behind command line, Python, tasks and cards."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any, Self

from ..data.choice_encodings import CHOICE_ENCODINGS, DEFAULT, FIELD
from ..errors import InvalidInputError, did_you_mean, require_one_of

PRECISIONS = ("float32", "bfloat16")


def setting(
    help: str,
    *,
    least: int | None = None,
    choices: tuple[str, ...] = (),
    spaced: bool = False,
    **default: Any,
) -> Any:
    """Makes a field of the record.

    Args:
        help: a line of help.
        least: the lowest value.
        choices: the values that it may have.
        spaced: whether spaces around the words of a list belong to them.
        default: the default, as `dataclasses.field` takes it.
    """
    metadata = {"help": help, "least": least, "choices": choices, "spaced": spaced}
    return field(metadata=metadata, **default)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a training. A task has those of the paper, and a user may give others.

    The metadata of each field are its help on the command line, and its lowest value.

    Args:
        learning_rate: the highest learning rate.
        batch_size: the number of texts in a step.
        epochs: the number of times that every text is seen.
        max_tokens: the most tokens of a sequence; fewer if the model cannot read so many.
        config: fields of the model's configuration, instead of its own, that leave its weights as
            they are, as its dropout, which takes most of a step on a CPU.
        seed: the seed of the new head, the order of the texts, dropout, and what a defense draws.
        precision: float32 or bfloat16; None for what takes less time on this machine.
        choice_encoding: the way to read questions with choices, one of `CHOICE_ENCODINGS`.
        lora_rank: the rank of LoRA's matrices, which are trained in place of the weights below the
            head and added to them in the end; 0 trains all weights.
        lora_modules: the modules that get such matrices; empty for all linear ones of the layers.
        prompt: the prompt that a causal language model reads each text in, with ``{}`` in the
            place of every column; empty for a classifier that reads the texts themselves.
        label_words: the words that stand for class 0, 1, ...; the head begins as the language
            model's own scores of them.
        gradient_checkpointing: whether to compute hidden states anew for the backward pass, which
            takes less memory and more time.

    Raises:
        InvalidInputError: a setting is outside its range.
    """

    learning_rate: float = setting(
        "The highest learning rate.  [default: the paper's for the task]"
    )
    batch_size: int = setting(
        "The number of texts in a step.  [default: the paper's for the task]", least=1
    )
    epochs: int = setting(
        "The number of times that every text is seen.  [default: the paper's for the task]", least=1
    )
    max_tokens: int = setting(
        "The most tokens of a text.  [default: the paper's for the task]", least=3, default=128
    )
    config: Mapping[str, Any] = setting(
        "A field of the model's configuration with another value, as "
        "attention_probs_dropout_prob=0; can be given again.",
        default_factory=dict,
    )
    seed: int = setting("The seed of everything random.  [default: 0]", default=0)
    precision: str | None = setting(
        "The precision.  [default: what takes less time on this machine]",
        choices=PRECISIONS,
        default=None,
    )
    choice_encoding: str = setting(
        "The way to read questions with choices: the context alone is cut as long as a token of it "
        "is left, or as the paper's code does.  [default: whole-question]",
        choices=tuple(CHOICE_ENCODINGS),
        default=DEFAULT,
    )
    lora_rank: int = setting(
        "Train LoRA's matrices of this rank instead of the weights, to which they are added in "
        "the end.  [default: all weights are trained]",
        least=0,
        default=0,
    )
    lora_modules: tuple[str, ...] = setting(
        "The modules that get LoRA's matrices, as query,value.  [default: all of the layers]",
        default=(),
    )
    prompt: str = setting(
        "The prompt of a causal language model, with {} where the text goes and \\n for a new "
        "line.  [default: texts are read without one]",
        default="",
    )
    label_words: tuple[str, ...] = setting(
        "The words that stand for the classes in a language model, written as they follow the "
        "prompt: ' negative, positive'.",
        spaced=True,
        default=(),
    )
    gradient_checkpointing: bool = setting(
        "Compute hidden states anew for the backward pass: less memory, more time.", default=False
    )

    def __post_init__(self) -> None:
        if not (isfinite(self.learning_rate) and self.learning_rate > 0):
            raise InvalidInputError(
                f"learning_rate: expected a finite number above 0, got {self.learning_rate}"
            )
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value < least:
                raise InvalidInputError(f"{name}: expected {least} or more, got {value}")
        if not 0 <= self.seed < 2**32:
            raise InvalidInputError(
                f"seed: expected a whole number from 0 to 2**32 - 1, got {self.seed}"
            )
        if self.precision is not None:
            require_one_of("precision", self.precision, PRECISIONS)
        require_one_of(FIELD, self.choice_encoding, list(CHOICE_ENCODINGS))
        if self.lora_modules and not self.lora_rank:
            raise InvalidInputError(
                "lora_modules: expected a lora_rank beside them, got none; give one, as 8"
            )

        if bool(self.prompt) != bool(self.label_words):
            raise InvalidInputError(
                "prompt: expected a prompt together with its label_words, got only one of both; "
                "give both, as 'Review: {} Sentiment:' and ' negative, positive'"
            )

    def settings(self) -> dict[str, Any]:
        """Returns the settings by their names, without what a task has beside them."""
        return {own.name: getattr(self, own.name) for own in fields(Settings)}

    def given(self, **settings: Any) -> Self:
        """Returns the record with other settings; those that are None stay as they are.

        Raises:
            InvalidInputError: there is no such setting, or one is outside its range.
        """
        known = self.settings()
        for name in settings:
            if name not in known:
                raise InvalidInputError(
                    f"{name}: there is no such setting of a training{did_you_mean(name, known)}"
                )
        given = {name: value for name, value in settings.items() if value is not None}
        return dataclasses.replace(self, **given)


LEAST: dict[str, int] = {
    own.name: own.metadata["least"] for own in fields(Settings) if own.metadata["least"] is not None
}
"""The lowest values of the settings that have one."""
