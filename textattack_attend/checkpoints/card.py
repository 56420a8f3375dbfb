"""The card of a trained model, which records its training and the results."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import LONGEST, LONGEST_REASON, InvalidInputError
from ..errors.printable import shortened
from ..files import text_of, write_whole

if TYPE_CHECKING:
    from pydantic import TypeAdapter

NAME = "card.json"
SCHEMA = 1
"""The version of the fields; cards of version 0 have neither a version nor an identity."""
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors")
"""The files of which transformers needs one to load a model from a folder.

The configuration is none of them: without it, transformers guesses one by the name of the folder.
"""
CHECKPOINTS = "checkpoints"
"""The folder, inside that of the model, of the files that a training needs until it ends."""
LIBRARIES = ("textattack_attend", "torch", "transformers", "accelerate", "datasets")


@dataclass(frozen=True)
class Card:
    """The record of a training: its settings and its results.

    Args:
        task: the task that the model learned.
        defense: the training method.
        options: the options of the method.
        model: the folder or hub name of the pretrained model.
        data: the data that the model learned from.
        learning_rate: the highest learning rate.
        batch_size: the number of texts in a step.
        epochs: the number of times that every text was seen.
        max_tokens: the most tokens of a sequence.
        config: fields that replaced those of the model's configuration.
        seed: the seed of everything random.
        precision: the precision of the training, float32 or bfloat16.
        choice_encoding: the way to read questions with choices.
        lora_rank: the rank of LoRA's matrices; 0 if all weights were trained.
        lora_modules: the modules that got LoRA's matrices; empty for all of the layers.
        prompt: the prompt that the texts were read in; empty without one.
        label_words: the words that stand for the classes in the prompt's language model.
        gradient_checkpointing: whether hidden states were computed anew for the backward pass.
        versions: the versions of the libraries.
        accuracy: the accuracy on the dev set after the epoch that was kept; None before the end.
        seconds: the time of the training since it last began, evaluation included.
        step_seconds_ratio: the time of a training step over that of a plain step, where both kinds
            were measured in turn.
        rows: the number of rows of the training set.
        extra_rows: the number of rows that the method added.
        extra_seconds: the time that the method took to find its rows, or to read known ones.
        identity: digests of the trained weights, the configuration and the tokenizer, see
            `Identity`; None before the end.
        schema: the version of these fields.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    task: str
    defense: str
    options: dict[str, Any]
    model: str
    data: str
    learning_rate: float
    batch_size: int
    epochs: int
    max_tokens: int
    config: dict[str, Any]
    seed: int
    precision: str
    choice_encoding: str = "whole-question"  # the only one before there was a choice
    lora_rank: int = 0
    lora_modules: tuple[str, ...] = ()
    prompt: str = ""
    label_words: tuple[str, ...] = ()
    gradient_checkpointing: bool = False
    versions: dict[str, str] = field(default_factory=lambda: {n: version(n) for n in LIBRARIES})
    accuracy: float | None = None
    seconds: float | None = None
    step_seconds_ratio: float | None = None
    rows: int | None = None
    extra_rows: int | None = None
    extra_seconds: float | None = None
    identity: dict[str, str] | None = None
    schema: int = SCHEMA

    @property
    def training_time_ratio(self) -> float | None:
        """The time of training over that of plain training, without finding the extra rows."""
        if self.step_seconds_ratio is None or not self.rows:
            return None
        return self.step_seconds_ratio * (1 + (self.extra_rows or 0) / self.rows)

    @classmethod
    def of(cls, folder: Path) -> Card | None:
        """Reads the card in a folder; None if there is none.

        Raises:
            InvalidInputError: the card cannot be read, or the folder's training has not ended.
        """
        path = folder / NAME
        if (folder / CHECKPOINTS / NAME).is_file() and not is_finished(folder):
            raise InvalidInputError(
                f"{folder}: expected a trained model, got the output of a training that has not "
                "ended; the command that began it goes on with it"
            )
        if not path.is_file():
            return None
        return cls.from_json(text_of(path), path)

    @classmethod
    def from_json(cls, text: str, path: str | os.PathLike[str] = NAME) -> Card:
        """Reads the JSON that `to_json` of this version or an older one wrote.

        Args:
            text: the JSON of the card.
            path: the file of the card, which errors name.

        Raises:
            InvalidInputError: the text is no card, or has a field that this version does not know.
        """
        from pydantic import ValidationError  # a slow import, which only readers of cards need

        try:
            fields = json.loads(text)
            schema = fields.setdefault("schema", 0) if isinstance(fields, dict) else 0
            if schema not in range(SCHEMA + 1):
                raise InvalidInputError(
                    f"{path}: expected a card of version {SCHEMA} or older, got version "
                    f"{repr(schema)[:LONGEST]}; update textattack_attend, or delete the card to go "
                    "without"
                )
            known = json.dumps(fields | {"schema": SCHEMA})
            card: Card = _adapter().validate_json(known, strict=True)
            return card
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the whole"
            raise _no_card(path, f"{place}: {first['msg']}") from error
        except (TypeError, ValueError, RecursionError) as error:
            if isinstance(error, InvalidInputError):
                raise
            raise _no_card(path, str(error)) from error

    def to_json(self) -> str:
        """Returns the fields as a JSON object."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    def write(self, folder: Path) -> None:
        """Writes the card into a folder.

        Raises:
            InvalidInputError: the card cannot be written.
        """
        write_whole(folder / NAME, f"{self.to_json()}\n".encode())


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Card]:
    from pydantic import TypeAdapter

    return TypeAdapter(Card)


def _no_card(path: str | os.PathLike[str], reason: str) -> InvalidInputError:
    said = shortened(reason, LONGEST_REASON)
    return InvalidInputError(
        f"{path}: expected the card of a trained model ({said}); delete it to go without"
    )


def is_finished(folder: Path) -> bool:
    """Returns whether the training of a folder has ended, whose last file are the weights."""
    return (folder / NAME).is_file() and any((folder / name).is_file() for name in WEIGHTS)
