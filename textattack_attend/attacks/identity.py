"""The identity of an attack: its code, all its options, and what stands in the files they name."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from transformers import PretrainedConfig

from ..checkpoints.loading import explained
from ..identity.content import canonical, digest_of_code, digest_of_path, name_of
from .named import attack_builder

MODEL_OPTIONS = ("encoder", "masked_language_model", "surrogates")
"""The options that name a model, or several, by folder or by name on the hub."""
ADDED = {"preset": ""}
"""Options that were added later, with the values by which an attack is what it was."""
NEVER = object()
VERSIONED = ("textattack", "textattack_attend")
"""The packages whose code is named by their version."""


def attack_identity(recipe: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Names all that decides what an attack does, as JSON holds it.

    Options that are not given count with their defaults, but for those of `ADDED`. A file or a
    folder counts by its content, a model on the hub by its commit.

    Args:
        recipe: name of a recipe, or PATH^FUNCTION.
        options: keywords of the recipe.

    Raises:
        InvalidInputError: there is no such attack, or a model that an option names is not there.
    """
    build = attack_builder(recipe)
    path, _, function = recipe.partition("^")
    code = [digest_of_code(Path(path)), function] if function else _class(build)
    return {
        "code": code,
        "options": {
            name: _option(name, value)
            for name, value in _all(build, options).items()
            if value != ADDED.get(name, NEVER)
        },
    }


def model_content(name: str) -> str:
    """Names the content of a model: a folder's files, or the commit of a model on the hub.

    Args:
        name: the folder, or the name on the hub.

    Raises:
        InvalidInputError: there is no such model.
    """
    if os.path.exists(name):
        return digest_of_path(Path(name))
    with explained(name):
        # The class of the configuration is not needed, which a checkpoint may bring along as code.
        configuration, _ = PretrainedConfig.get_config_dict(name)
        return f"{name}@{configuration.get('_commit_hash')}"


def _class(build: Callable[..., Any]) -> list[str]:
    """Returns the class that a recipe's name stands for, and its code if no version names it."""
    name = name_of(build).removesuffix(".build")
    module = sys.modules[build.__module__]
    if module.__name__.partition(".")[0] in VERSIONED or module.__file__ is None:
        return [name]
    return [name, digest_of_code(Path(module.__file__))]


def _all(build: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns every option with its value."""
    _, *parameters = inspect.signature(build).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    defaults = {p.name: p.default for p in named if p.default is not p.empty}
    return {**defaults, **{name: _like(defaults.get(name), own) for name, own in given.items()}}


def _like(default: Any, given: Any) -> Any:
    """Returns a number in the type of the option: 1 and 1.0 are one mask fraction."""
    return float(given) if isinstance(default, float) and type(given) is int else given


def _option(name: str, value: Any) -> Any:
    """Returns the value of an option, or the digest of the file or folder that it names."""
    if name in MODEL_OPTIONS and isinstance(value, list | tuple):
        return [_option(name, one) for one in value]
    if not isinstance(value, str) or not value:
        return canonical(value)
    if name in MODEL_OPTIONS:
        return {"content": model_content(value)}
    if Path(value).name in ("", "..") or not os.path.exists(value):
        return value  # a user who gives a slash or a dot means the character, not the place
    content = digest_of_path(Path(value))
    # A word may happen to be the name of a file. Then both the word and the file count.
    return {"content": content} if os.path.dirname(value) else {"value": value, "content": content}
