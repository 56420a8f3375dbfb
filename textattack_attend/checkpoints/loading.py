"""Loads checkpoints, which are folders or names on the hub, of whole models or of adapters."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForMultipleChoice,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import CONFIG_NAME
from transformers.utils.peft_utils import ADAPTER_CONFIG_NAME

from ..errors import AttendError, CustomCodeError, InvalidInputError, reason_of
from ..versions import installed, require_readable, saved_by_newer, without_bars_of_weights
from .adapted import load_adapted
from .adapters import adapter_in
from .configurations import configurations_of, require_size, saved_dtypes
from .custom_code import ALLOW, code_of, code_of_trained, fused_in, kernels_in, shown
from .places import EXPECTED, findable

logger = logging.getLogger(__name__)

CLASSIFIERS = ("ForSequenceClassification", "ForMultipleChoice", "ForTokenClassification")
"""The endings of the names of models that do not go on after a prompt."""

EXPECTED_FOLDER = (
    "expected the folder of a checkpoint with its tokenizer's files beside the model, which "
    "transformers can load"
)

_COMPUTED_BY_PYTORCH = (
    "%s: its configuration asks for %s, in which no unit can be masked; its attention is computed "
    "by PyTorch (sdpa or eager)"
)


def architectures(checkpoint: str, trust_remote_code: bool = False) -> list[str]:
    """Returns the names of the classes that a checkpoint was saved as; none if it does not say.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.
        trust_remote_code: whether to run the code that the checkpoint brings along.

    Raises:
        InvalidInputError: there is no such checkpoint.
        CustomCodeError: the checkpoint needs code of its own, which is not allowed.
    """
    configuration = from_pretrained(AutoConfig, checkpoint, trust_remote_code)
    return [name for name in configuration.architectures or [] if isinstance(name, str)]


def scores_choices(checkpoint: str, trust_remote_code: bool = False) -> bool:
    """Returns whether a checkpoint was saved as a ...ForMultipleChoice model."""
    try:
        names = architectures(checkpoint, trust_remote_code)
    except InvalidInputError:  # whoever loads it will say what is wrong with it
        return False
    return any(name.endswith("ForMultipleChoice") for name in names)


def load(
    checkpoint: str, trust_remote_code: bool = False
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Loads a classifier, or a model that scores choices, with its tokenizer.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.
        trust_remote_code: whether to run the code that the checkpoint brings along.

    Raises:
        InvalidInputError: there is no such checkpoint.
        CustomCodeError: the checkpoint needs code of its own, which is not allowed.
    """
    if not trust_remote_code and (own := code_of_trained(Path(checkpoint))):
        raise _refusal(checkpoint, own, ALLOW)
    is_multiple_choice = scores_choices(checkpoint, trust_remote_code)
    auto = AutoModelForMultipleChoice if is_multiple_choice else AutoModelForSequenceClassification
    model = load_model(auto, checkpoint, trust_remote_code)
    return model, tokenizer_of(checkpoint, trust_remote_code)


def load_language_model(
    checkpoint: str, trust_remote_code: bool = False
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Loads a causal or a seq2seq language model with its tokenizer.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.
        trust_remote_code: whether to run the code that the checkpoint brings along.

    Raises:
        InvalidInputError: there is no such checkpoint, or it is a classifier.
        CustomCodeError: the checkpoint needs code of its own, which is not allowed.
    """
    configuration = from_pretrained(AutoConfig, checkpoint, trust_remote_code)
    saved_as = [str(name) for name in configuration.architectures or []]
    if any(name.endswith(CLASSIFIERS) for name in saved_as):
        raise InvalidInputError(
            f"{checkpoint}: expected a language model for the prompt, got a {saved_as[0]}; "
            "leave out the prompt"
        )
    auto = AutoModelForSeq2SeqLM if configuration.is_encoder_decoder else AutoModelForCausalLM
    model = load_model(auto, checkpoint, trust_remote_code)
    return model, tokenizer_of(checkpoint, trust_remote_code)


def load_model(auto: Any, checkpoint: str, trust_remote_code: bool = False, **options: Any) -> Any:
    """Loads a model in float32, whatever its weights were saved in; all models are loaded here.

    So a model computes the same under every version of transformers: those before 5 take float32
    by default, later ones the dtype of the checkpoint. A line says where the two differ.

    Args:
        auto: the Auto class, as ``AutoModel``.
        checkpoint: the folder of the checkpoint, or its name on the hub.
        trust_remote_code: whether to run the code that the checkpoint brings along.
        options: options of `from_pretrained`.

    Raises:
        InvalidInputError: there is no such checkpoint.
        CustomCodeError: the checkpoint needs code of its own, which is not allowed.
    """
    with without_bars_of_weights():
        loaded = from_pretrained(
            auto, checkpoint, trust_remote_code, dtype=torch.float32, **options
        )
    for saved in sorted(saved_dtypes(checkpoint) - {"float32"}):
        logger.warning(
            "%s: its weights were saved in %s; they are loaded in float32", checkpoint, saved
        )
    return loaded


def tokenizer_of(
    checkpoint: str, trust_remote_code: bool = False, **options: Any
) -> PreTrainedTokenizerBase:
    """Loads the tokenizer of a checkpoint.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.
        trust_remote_code: whether to run the code that the checkpoint brings along.
        options: options of transformers' tokenizers, which replace the saved ones.

    Raises:
        InvalidInputError: there is no such checkpoint, or its tokenizer's files are missing.
        CustomCodeError: the checkpoint needs code of its own, which is not allowed.
    """
    tokenizer: PreTrainedTokenizerBase = from_pretrained(
        AutoTokenizer, checkpoint, trust_remote_code, **options
    )
    # Without its files transformers 5 makes a tokenizer to which every word is unknown.
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        expected = EXPECTED_FOLDER if os.path.isdir(checkpoint) else EXPECTED
        raise InvalidInputError(f"{checkpoint}: {expected}; got a tokenizer that knows no word")
    return tokenizer


def from_pretrained(
    auto: Any,
    checkpoint: str,
    trust_remote_code: bool = False,
    *,
    advice: str = ALLOW,
    **options: Any,
) -> Any:
    """Loads a checkpoint by one of transformers' Auto classes; all loading goes through here.

    So this is the only place that decides whether code of a checkpoint may run.

    Args:
        auto: the Auto class, as ``AutoModel``.
        checkpoint: the folder of the checkpoint, or its name on the hub.
        trust_remote_code: whether to run the code that the checkpoint brings along.
        advice: advice for the message about code that is not allowed.
        options: options of the class.

    Raises:
        InvalidInputError: there is no such checkpoint, or the installed transformers is too old.
        CustomCodeError: the checkpoint needs code of its own, which is not allowed.
    """
    with explained(checkpoint), findable(checkpoint):
        _require_configuration(auto, checkpoint)
        adapter = adapter_in(checkpoint)
        if adapter is not None and not (auto is AutoTokenizer and adapter.has_tokenizer):
            load_base = partial(from_pretrained, trust_remote_code=trust_remote_code, advice=advice)
            return load_adapted(auto, adapter, load_base, trust_remote_code, **options)
        configurations = configurations_of(checkpoint)
        require_size(configurations)
        for one, fields in configurations.items():
            require_readable(one, fields)
        if not trust_remote_code and (kernels := kernels_in(configurations)):
            raise _refusal(checkpoint, kernels, advice)
        try:
            if auto is not AutoTokenizer and (fused := fused_in(configurations)):
                options = _with_another_attention(checkpoint, trust_remote_code, options)
                if auto is AutoConfig:
                    return options["config"]
                logger.warning(_COMPUTED_BY_PYTORCH, checkpoint, shown(fused))
            return auto.from_pretrained(checkpoint, trust_remote_code=trust_remote_code, **options)
        except ValueError as error:
            if trust_remote_code or "trust_remote_code" not in str(error):
                raise
            raise _refusal(checkpoint, code_of(checkpoint), advice) from None


def _with_another_attention(
    checkpoint: str, trust_remote_code: bool, options: dict[str, Any]
) -> dict[str, Any]:
    """Adds a configuration to the options that leaves eager or sdpa attention to transformers."""
    if "config" in options:  # it was read here
        return options
    config = AutoConfig.from_pretrained(checkpoint, trust_remote_code=trust_remote_code)
    config._attn_implementation = None
    return {**options, "config": config}


def _refusal(checkpoint: str, names: list[str], advice: str) -> CustomCodeError:
    return CustomCodeError(
        f"{checkpoint}: expected a checkpoint that transformers has the code for, got one that "
        f"asks to run its own ({shown(names)}); {advice}"
    )


def _require_configuration(auto: Any, checkpoint: str) -> None:
    """Refuses a folder without a configuration: transformers would guess it by the name."""
    folder = Path(checkpoint)
    if auto is AutoTokenizer or not folder.is_dir():
        return
    if not any((folder / name).is_file() for name in (CONFIG_NAME, ADAPTER_CONFIG_NAME)):
        raise OSError(f"the folder has no {CONFIG_NAME}")


@contextmanager
def explained(checkpoint: str) -> Iterator[None]:
    """Explains in one line, inside the context, why a checkpoint cannot be loaded.

    Messages of transformers have many lines, or speak of a network that is not there.

    Raises:
        InvalidInputError: there is no such checkpoint.
    """
    if "://" in checkpoint:  # transformers would load a configuration from any address
        raise InvalidInputError(f"{checkpoint}: {EXPECTED}, and not its address")
    try:
        yield
    except AttendError:
        raise
    except Exception as error:  # a stranger's file makes the libraries raise anything
        expected = EXPECTED_FOLDER if os.path.isdir(checkpoint) else EXPECTED
        raise InvalidInputError(
            f"{checkpoint}: {_too_new(checkpoint) or expected} (transformers: {reason_of(error)})"
        ) from error


def _too_new(checkpoint: str) -> str:
    """Returns what to do with a checkpoint that a newer version of transformers has saved."""
    every = configurations_of(checkpoint).values()
    saved_by = next(filter(None, map(saved_by_newer, every)), "")
    return saved_by and (
        f"expected a checkpoint that transformers {installed()} can load, got one saved by "
        f"transformers {saved_by}; install that version or a newer one"
    )
