"""Finds custom code: Python that a checkpoint brings along, and that runs only if a user allows it.

Transformers would ask on standard input, where a pipe may answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from transformers import dynamic_module_utils
from transformers.models.auto.tokenization_auto import get_tokenizer_config

from ..errors import first_of, quoted
from .card import is_finished
from .configurations import configurations_of

ALLOW = "if you trust it, allow it with --trust-remote-code (trust_remote_code: true in a recipe)"
NEVER = "take one without code of its own, which would never be run here"
ATTENTION = "attn_implementation"
"""The end of the names of fields that choose an attention; a value with a slash is hub code."""
MASKABLE = ("eager", "sdpa")
"""The attentions in which a unit can be masked; no checkpoint may choose another, as flash."""
SECONDS = "TIME_OUT_REMOTE_CODE"
"""The variable of both libraries (datasets before 4) for the seconds that they wait for an answer;
with 0 they refuse."""
SHOWN = 3
"""The number of names of code that a message shows."""


def code_of(checkpoint: str) -> list[str]:
    """Returns the names of the code that a checkpoint asks for, without running any of it.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.
    """
    found = configurations_of(checkpoint)
    classes = chain.from_iterable(_classes_of(one, fields) for one, fields in found.items())
    return sorted({*kernels_in(found), *classes})


def code_of_trained(folder: Path) -> list[str]:
    """Returns the names of the code that a model of this package was trained with.

    The code lies beside the model. Transformers would silently take a class of its own instead, if
    it has one for such a model.

    Args:
        folder: the folder of the checkpoint.
    """
    if not is_finished(folder):
        return []
    return [
        name for name in code_of(str(folder)) if (folder / f"{name.split('.')[0]}.py").is_file()
    ]


def kernels_in(configurations: Mapping[str, dict[str, Any]]) -> list[str]:
    """Returns the names of the code on the hub that configurations name for their attention.

    Args:
        configurations: the configurations of a checkpoint, see `configurations_of`.
    """
    named = chain.from_iterable(map(_attentions, configurations.values()))
    return sorted({name for name in named if "/" in name})


def fused_in(configurations: Mapping[str, dict[str, Any]]) -> list[str]:
    """Returns the names of attentions that configurations choose and no unit can be masked in.

    Args:
        configurations: the configurations of a checkpoint, see `configurations_of`.
    """
    named = chain.from_iterable(map(_attentions, configurations.values()))
    return sorted({name for name in named if "/" not in name} - {*MASKABLE})


def shown(names: list[str]) -> str:
    """Returns names of code in quotation marks for a message, because a stranger wrote them."""
    return first_of([quoted(name) for name in names], SHOWN)


@contextmanager
def never_asking() -> Iterator[None]:
    """Makes transformers and datasets refuse custom code instead of asking whether to run it."""
    from datasets import config  # a slow import

    asking = [module for module in (dynamic_module_utils, config) if hasattr(module, SECONDS)]
    before = [getattr(module, SECONDS) for module in asking]
    for module in asking:
        setattr(module, SECONDS, 0)
    try:
        yield
    finally:
        for module, seconds in zip(asking, before, strict=True):
            setattr(module, SECONDS, seconds)


def _classes_of(checkpoint: str, configuration: dict[str, Any]) -> Iterator[str]:
    """Yields the names of the classes that a checkpoint brings along."""
    try:
        tokenizer = get_tokenizer_config(checkpoint)
    except (OSError, ValueError):
        tokenizer = {}
    for fields in (configuration, tokenizer):
        named = fields.get("auto_map")
        # Old tokenizers have a list of two classes instead of a mapping.
        values = named.values() if isinstance(named, dict) else [named]
        for value in values:
            names = value if isinstance(value, list | tuple) else [value]
            yield from (name for name in names if isinstance(name, str))


def _attentions(fields: Any) -> Iterator[str]:
    """Yields the attentions that a configuration chooses for itself and its parts."""
    if not isinstance(fields, dict):
        return
    for name, value in fields.items():
        chosen = value.values() if isinstance(value, dict) else [value]
        if name.endswith((ATTENTION, f"{ATTENTION}_internal")):
            yield from (one for one in chosen if isinstance(one, str))
        else:
            yield from _attentions(value)
