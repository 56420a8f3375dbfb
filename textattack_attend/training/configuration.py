"""Makes the configuration of a model to train from the pretrained one and the user's changes."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from accelerate import init_empty_weights
from transformers import AutoConfig, PretrainedConfig

from ..attention.families import FAMILIES
from ..checkpoints.configurations import base_of
from ..checkpoints.loading import from_pretrained
from ..data.choice_encodings import DEFAULT, FIELD
from ..errors import InvalidInputError, did_you_mean, reason_of
from .tasks import Task

AS_TRAINER_NEEDS = {
    "return_dict": True,
    "output_attentions": False,
    "output_hidden_states": False,
}


def configuration_of(
    model: str,
    auto: Any,
    fields: Mapping[str, Any],
    classes: int | None,
    trust_remote_code: bool = False,
    names: Sequence[str] = (),
) -> PretrainedConfig:
    """Reads the configuration of a pretrained model and changes it.

    Args:
        model: the folder of the model, or its name on the hub.
        auto: the Auto class of transformers that makes the model.
        fields: the new values of the architecture's fields to change, as its dropout.
        classes: the number of classes; None for a head that scores choices.
        trust_remote_code: whether to run the code that the model brings along.
        names: the names of the classes; empty if they have none, as those of the pretrained model
            may be the names of others.

    Raises:
        InvalidInputError: there is no such model or field; the model is an adapter; a value is of
            another kind; or the model cannot be built with it, or its weights would no longer fit.
    """
    config: PretrainedConfig = from_pretrained(AutoConfig, model, trust_remote_code)
    if base_of(model) is not None:
        raise InvalidInputError(
            f"{model}: expected a whole model to train, got an adapter; merge it into its model "
            "with merge_and_unload() and save_pretrained(FOLDER), and give FOLDER"
        )
    config.update(AS_TRAINER_NEEDS)
    if classes is not None:
        named = names or [f"LABEL_{number}" for number in range(classes)]
        config.id2label = dict(enumerate(named))
        config.label2id = {name: number for number, name in enumerate(named)}
        config.problem_type = (
            "single_label_classification"  # the pretrained model may be one of regression
        )
    if fields:
        before = _weights(auto, config, trust_remote_code)
        for name, value in fields.items():
            _require_field(model, config, name, value)
            _set(config, name, value)
        _require_same_weights(before, auto, config, fields, trust_remote_code)
    return config


def adopt_choice_encoding(config: PretrainedConfig, task: Task) -> None:
    """Writes a task's encoding of choices into the configuration, from where an attack reads it.

    Raises:
        InvalidInputError: the task has no choices, and an encoding of them is asked for.
    """
    if task.choice_encoding == DEFAULT:
        vars(config).pop(FIELD, None)
    elif task.is_multiple_choice:
        setattr(config, FIELD, task.choice_encoding)
    else:
        raise InvalidInputError(
            f"{FIELD}: expected none, as the texts of {task.name} have no choices, got "
            f"{task.choice_encoding}"
        )


def longest_input(config: PretrainedConfig) -> int:
    """Returns the most tokens of an input that the position table allows, if there is one."""
    family = FAMILIES.get(config.model_type)
    if family is not None:
        return family.max_tokens(config)
    return int(getattr(config, "max_position_embeddings", None) or sys.maxsize)


def _require_field(model: str, config: PretrainedConfig, name: str, value: Any) -> None:
    """Refuses an unknown field of the architecture, and a value of another kind than its own."""
    every = set(PretrainedConfig().to_dict())
    fields = sorted({*config.to_dict(), *config.attribute_map} - every)
    if name not in fields and hasattr(config, name):
        raise InvalidInputError(
            f"config: {name}: expected a field of the architecture, as its dropout; this one the "
            "training sets itself"
        )
    if name not in fields:
        raise InvalidInputError(
            f"config: {model} has no field {name!r}{did_you_mean(name, fields)}"
        )
    own = getattr(config, name)
    if own is not None and _kind(value) != _kind(own):
        raise InvalidInputError(f"config: {name}: expected a {_kind(own)}, as {own}, got {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInputError(f"config: {name}: expected a finite number, as {own}, got {value}")


def _kind(value: Any) -> str:
    # Whole numbers and others are one kind: a dropout that is saved as 0 may become 0.1.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return "number" if is_number else type(value).__name__


def _require_same_weights(
    before: dict[str, Any],
    auto: Any,
    config: PretrainedConfig,
    fields: Mapping[str, Any],
    trust_remote_code: bool,
) -> None:
    """Refuses fields that would drop, add or reshape pretrained weights, or change the heads."""
    given = ", ".join(f"{name}={value!r}" for name, value in fields.items())
    try:
        after = _weights(auto, config, trust_remote_code)
    except Exception as error:  # any part of the model may raise any
        raise _unfit(given, error) from error
    differing = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    if differing:
        more = f" and {len(differing) - 1} more" if len(differing) > 1 else ""
        raise InvalidInputError(
            f"config: {given}: expected fields that leave the pretrained weights as they are, as "
            f"dropout; these change {differing[0]}{more}"
        )


def _set(config: PretrainedConfig, name: str, value: Any) -> None:
    try:
        setattr(config, name, value)
    except Exception as error:  # transformers 5 checks values when they are set
        raise _unfit(f"{name}={value!r}", error) from error


def _unfit(given: str, error: Exception) -> InvalidInputError:
    return InvalidInputError(
        f"config: {given}: expected values that the model can be built with, got an error "
        f"({type(error).__name__}: {reason_of(error)})"
    )


def _weights(auto: Any, config: PretrainedConfig, trust_remote_code: bool) -> dict[str, Any]:
    """Returns the size of every weight of a model, and its number of heads."""
    with init_empty_weights():
        built = auto.from_config(config, trust_remote_code=trust_remote_code)
    sizes: dict[str, Any] = {name: tuple(w.shape) for name, w in built.named_parameters()}
    return sizes | {"the attention heads": getattr(config, "num_attention_heads", None)}
