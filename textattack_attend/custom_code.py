"""Custom code: Python that a checkpoint brings along, and that runs only where the user allows it.

Transformers would ask on standard input, which a pipe may answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from transformers import PretrainedConfig, dynamic_module_utils
from transformers.models.auto.tokenization_auto import get_tokenizer_config
from transformers.utils.peft_utils import find_adapter_config_file

from .card import is_finished
from .errors import InvalidInputError, described, first_of, quoted
from .files import text_of
from .files.strict_json import json_in_file

ALLOW = "if you trust it, allow it with --trust-remote-code (trust_remote_code: true in a recipe)"
NEVER = "take one without code of its own, which would never be run here"
ATTENTION = "attn_implementation"
"""The end of the names of fields that choose an attention; with a slash it is hub code."""
SECONDS = "TIME_OUT_REMOTE_CODE"
"""The time that both libraries wait for an answer (datasets before 4 only); with 0 they refuse."""
MOST = {"num_labels": 100_000, "num_hidden_layers": 10_000, "n_layer": 10_000, "n_layers": 10_000}
"""The largest numbers of a configuration that are believed."""
BASE = "base_model_name_or_path"
"""The field in which an adapter names the checkpoint that it is for."""
LARGEST = 2**20
"""The most bytes of an adapter's configuration."""
SHOWN = 3
"""The number of names of code that a message shows."""


def code_of(checkpoint: str) -> list[str]:
    """Returns the names of the code that a checkpoint asks for; nothing of it is run.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.
    """
    classes = chain.from_iterable(map(_classes_of, with_base(checkpoint)))
    return sorted({*kernels_of(checkpoint), *classes})


def code_of_trained(folder: Path) -> list[str]:
    """Returns the names of the code that a model of ours was trained with, which lies beside it.

    Transformers would silently take a class of its own where it has one for such a model.

    Args:
        folder: the folder of the checkpoint.
    """
    if not is_finished(folder):
        return []
    return [
        name for name in code_of(str(folder)) if (folder / f"{name.split('.')[0]}.py").is_file()
    ]


def kernels_of(checkpoint: str) -> list[str]:
    """Returns the names of the code on the hub that a configuration names for its attention.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.
    """
    named = chain.from_iterable(_attentions(_configuration(one)) for one in with_base(checkpoint))
    return sorted({name for name in named if "/" in name})


def with_base(checkpoint: str) -> list[str]:
    """Returns a checkpoint, and the one that it is an adapter of, which transformers loads as well.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.

    Raises:
        InvalidInputError: it is an adapter that names no checkpoint.
    """
    try:
        found = find_adapter_config_file(checkpoint)
    except (OSError, ValueError):  # whoever loads it says what is wrong with it
        return [checkpoint]
    if found is None:
        return [checkpoint]
    path = Path(found)
    fields = json_in_file(text_of(path, LARGEST), path, 1)
    base = fields.get(BASE) if isinstance(fields, dict) else None
    if not isinstance(base, str) or "://" in base:  # transformers would ask any address
        raise InvalidInputError(
            f"{checkpoint}: expected an adapter whose {BASE} is a folder or a name on the hub, got "
            f"{described(base)}"
        )
    return [checkpoint, base]


def shown(names: list[str]) -> str:
    """Returns names of code as a message shows them; a stranger wrote them.

    Args:
        names: the names.
    """
    return first_of([quoted(name) for name in names], SHOWN)


@contextmanager
def never_asking() -> Iterator[None]:
    """Inside, transformers and datasets refuse custom code instead of asking whether to run it."""
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


def _configuration(checkpoint: str) -> dict[str, Any]:
    try:
        found: Any = PretrainedConfig.get_config_dict(checkpoint)[0]
    except (OSError, ValueError, TypeError):  # whoever loads it says what is wrong with it
        return {}
    return found if isinstance(found, dict) else {}


def require_size(checkpoint: str) -> None:
    """Refuses a configuration whose numbers alone would fill the memory, before it is built.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.

    Raises:
        InvalidInputError: it names more classes or layers than any model has.
    """
    for one in with_base(checkpoint):
        fields = _configuration(one)
        for name, most in MOST.items():
            given = fields.get(name)
            if isinstance(given, int | float) and not 0 <= given <= most:
                raise InvalidInputError(
                    f"{one}: {name}: expected a number from 0 to {most:,}, got {described(given)}; "
                    "is this the configuration of a model?"
                )


def _classes_of(checkpoint: str) -> Iterator[str]:
    """Yields the classes of its own that a checkpoint names."""
    try:
        tokenizer = get_tokenizer_config(checkpoint)
    except (OSError, ValueError):
        tokenizer = {}
    for fields in (_configuration(checkpoint), tokenizer):
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
