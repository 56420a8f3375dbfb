"""Checkpoints, folders or names on the hub: what they are, and how they are loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import (
    AutoConfig,
    AutoModelForMultipleChoice,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from .errors import AttendError, InvalidInputError

EXPECTED = (
    "expected the folder of a checkpoint with its tokenizer, or a name on the hub, which needs a "
    "network once; download it where there is one, and give the folder"
)


def architectures(checkpoint: str) -> list[str]:
    """As what a checkpoint, a folder or a hub name, was saved; nothing if it does not say.

    Raises:
        InvalidInputError: there is no such checkpoint.
    """
    with explained(checkpoint):
        return AutoConfig.from_pretrained(checkpoint).architectures or []


def scores_choices(checkpoint: str) -> bool:
    """Whether a checkpoint was saved as a ...ForMultipleChoice model."""
    try:
        return any(name.endswith("ForMultipleChoice") for name in architectures(checkpoint))
    except InvalidInputError:  # whoever loads it will say what is wrong with it
        return False


def load(checkpoint: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A classifier, or a model that scores choices, with its tokenizer.

    Raises:
        InvalidInputError: there is no such checkpoint.
    """
    chooses = scores_choices(checkpoint)
    auto = AutoModelForMultipleChoice if chooses else AutoModelForSequenceClassification
    with explained(checkpoint):
        return auto.from_pretrained(checkpoint), tokenizer_of(checkpoint)


def tokenizer_of(checkpoint: str, **options: Any) -> PreTrainedTokenizerBase:
    """Loads the tokenizer of a checkpoint.

    Args:
        checkpoint: a folder or a hub name.
        options: options of transformers' tokenizers, which replace the saved ones.

    Raises:
        InvalidInputError: there is no such checkpoint, or its tokenizer's files are missing.
    """
    with explained(checkpoint):
        try:
            tokenizer = AutoTokenizer.from_pretrained(checkpoint, **options)
        except (
            AttributeError,
            KeyError,
            TypeError,
        ) as error:  # a missing file makes transformers raise these
            raise InvalidInputError(
                f"{checkpoint}: expected the tokenizer's files beside the model, as tokenizer.json "
                f"or its vocabulary, got none that can be read ({type(error).__name__}: {error})"
            ) from error
    loaded: PreTrainedTokenizerBase = tokenizer
    return loaded


@contextmanager
def explained(checkpoint: str) -> Iterator[None]:
    """Inside, a checkpoint that cannot be loaded is one line.

    Transformers says it in many, or speaks of a network that is not there.

    Raises:
        InvalidInputError: there is no such checkpoint.
    """
    if "://" in checkpoint:  # transformers would load a configuration from any address
        raise InvalidInputError(f"{checkpoint}: {EXPECTED}, and not its address")
    try:
        yield
    except AttendError:
        raise
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InvalidInputError(f"{checkpoint}: {EXPECTED} (transformers: {reason})") from error
