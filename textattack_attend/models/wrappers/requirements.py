"""Refuses what is no wrapper, and no model, and says what to write instead."""

from __future__ import annotations

import os
from typing import Any

from textattack.models.wrappers import HuggingFaceModelWrapper, ModelWrapper
from torch import nn
from transformers import Pipeline

from ...errors import UnsupportedModelError, described

EXPECTED = "expected a HuggingFaceModelWrapper or an AttentionModelWrapper"


def require_wrapper(given: Any) -> None:
    """Refuses what is no wrapper of a model of transformers.

    Raises:
        UnsupportedModelError: it is something else; the message says what to write instead.
    """
    if isinstance(given, HuggingFaceModelWrapper):
        return
    if isinstance(given, ModelWrapper):
        raise UnsupportedModelError(
            f"{EXPECTED}, got {type(given).__name__}: attention is masked inside a transformers "
            "model"
        )
    raise UnsupportedModelError(f"{EXPECTED}, got {_said(given)}; {_advice(given)}")


def require_model(given: Any) -> None:
    """Refuses what is no model of PyTorch.

    Raises:
        UnsupportedModelError: it is something else; the message says what to write instead.
    """
    if not isinstance(given, nn.Module):
        raise UnsupportedModelError(
            f"model: expected a model of transformers, got {_said(given)}; {_advice(given)}"
        )


def require_name_or_path(given: Any) -> str:
    """Returns the name or the path of a checkpoint as a text.

    Raises:
        UnsupportedModelError: it is something else; the message says what to write instead.
    """
    if isinstance(given, str | os.PathLike):
        return os.fspath(given)
    raise UnsupportedModelError(
        "expected the folder of a checkpoint, or its name on the hub, got "
        f"{_said(given)}; {_advice(given)}"
    )


def _said(given: Any) -> str:
    """Returns what was given in a few words; the `repr` of a model has hundreds of lines."""
    return _kind(given) if isinstance(given, nn.Module | Pipeline | type) else described(given)


def _kind(given: Any) -> str:
    return f"the class {given.__name__}" if isinstance(given, type) else f"a {type(given).__name__}"


def _advice(given: Any) -> str:
    if isinstance(given, str | os.PathLike):
        return f"write AttentionModelWrapper.from_pretrained({os.fspath(given)!r})"
    if isinstance(given, Pipeline):
        return "write AttentionModelWrapper(pipeline.model, pipeline.tokenizer)"
    if isinstance(given, list | tuple):
        return "attack one model after another, each behind a wrapper of its own"
    return "write AttentionModelWrapper(model, tokenizer)"
