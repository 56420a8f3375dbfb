"""Reads and checks the configurations of checkpoints before a model is built from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import PretrainedConfig
from transformers.utils.peft_utils import find_adapter_config_file

from ..errors import InvalidInputError, described
from ..files import text_of
from ..files.strict_json import json_in_file
from .places import findable

MOST = {"num_labels": 100_000, "num_hidden_layers": 10_000, "n_layer": 10_000, "n_layers": 10_000}
"""The largest plausible numbers of a configuration, by field."""
BASE = "base_model_name_or_path"
"""The field in which an adapter names the checkpoint that it belongs to."""
LARGEST = 2**20
"""The most bytes of an adapter's configuration."""


def configurations_of(checkpoint: str) -> dict[str, dict[str, Any]]:
    """Reads the configuration of a checkpoint and, if it is an adapter, that of its base model.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.

    Returns:
        The fields of each checkpoint by its name; empty for one without a configuration.

    Raises:
        InvalidInputError: the checkpoint is an adapter that names no base model.
    """
    return {one: _fields_of(one) for one in _with_base(checkpoint)}


def saved_dtypes(checkpoint: str) -> set[str]:
    """Returns the names of the dtypes that a checkpoint says its weights were saved in.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.
    """
    named = (
        fields.get("dtype", fields.get("torch_dtype"))  # the name before transformers 5
        for fields in configurations_of(checkpoint).values()
    )
    return {name for name in named if isinstance(name, str)}


def require_size(configurations: Mapping[str, dict[str, Any]]) -> None:
    """Refuses a configuration whose numbers alone would fill the memory, before it is built.

    Args:
        configurations: the configurations of a checkpoint.

    Raises:
        InvalidInputError: a configuration names more classes or layers than any model has.
    """
    for one, fields in configurations.items():
        for name, most in MOST.items():
            given = fields.get(name)
            if isinstance(given, int | float) and not 0 <= given <= most:
                raise InvalidInputError(
                    f"{one}: {name}: expected a number from 0 to {most:,}, got {described(given)}; "
                    "is this the configuration of a model?"
                )


def base_of(checkpoint: str) -> str | None:
    """Returns the name of the base model of an adapter; None for a checkpoint that is no adapter.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.

    Raises:
        InvalidInputError: the checkpoint is an adapter that names no base model.
    """
    path = adapter_file(checkpoint)
    if path is None:
        return None
    fields = json_in_file(text_of(path, LARGEST), path, 1)
    base = fields.get(BASE) if isinstance(fields, dict) else None
    if not isinstance(base, str) or "://" in base:  # transformers would ask any address
        raise InvalidInputError(
            f"{checkpoint}: expected an adapter whose {BASE} is a folder or a name on the hub, got "
            f"{described(base)}"
        )
    return base


def adapter_file(checkpoint: str) -> Path | None:
    """Returns the file with the configuration of an adapter; None if the checkpoint has none.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.
    """
    try:
        with findable(checkpoint):
            found = find_adapter_config_file(checkpoint)
    except (OSError, ValueError):  # whoever loads it says what is wrong with it
        return None
    return None if found is None else Path(found)


def _with_base(checkpoint: str) -> list[str]:
    """Returns a checkpoint and, if it is an adapter, its base model, which is loaded as well.

    Raises:
        InvalidInputError: the checkpoint is an adapter that names no base model.
    """
    base = base_of(checkpoint)
    return [checkpoint] if base is None else [checkpoint, base]


def _fields_of(checkpoint: str) -> dict[str, Any]:
    try:
        with findable(checkpoint):
            found: Any = PretrainedConfig.get_config_dict(checkpoint)[0]
    except (OSError, ValueError, TypeError, RecursionError):  # whoever loads it says what is wrong
        return {}
    return found if isinstance(found, dict) else {}
