"""The tiny models of `tools.tiny_families`, under the names that tests use."""

from __future__ import annotations

from typing import Any

import pytest
import transformers

from textattack_attend.attention import FAMILIES
from tools.tiny_families.sizes import BEGIN, END, UNKNOWN, VOCABULARY
from tools.tiny_families.victims import (
    CAUSAL,
    COMBINATIONS,
    CROSS,
    EAGER_ONLY,
    ENCODER_DECODERS,
    MORE,
    PROMPT,
    SINGLE,
    USED,
    backends_of,
    is_installed,
    model_type_of,
    tiny,
    tiny_tokenizer,
    tiny_victim,
    use_of,
)
from tools.tiny_families.victims import CORE as CONFIGS


def missing(name: str) -> str:
    """Returns why a family is not there."""
    since = FAMILIES[model_type_of(name)].since
    return f"{name} needs transformers {since} or newer, not {transformers.__version__}"


COMBINATIONS_OF_MORE: list[Any] = [
    pytest.param(
        name,
        backend,
        marks=[
            pytest.mark.slow,
            pytest.mark.skipif(not is_installed(name), reason=missing(name)),
        ],
    )
    for name in MORE
    for backend in ("eager", "sdpa")
]
"""The families that `COMBINATIONS` lacks, under every backend; see `require_backend`."""


def require_backend(use: str, backend: str) -> None:
    """Skips a test if transformers computes no such model under a backend."""
    if use in MORE and backend not in backends_of(use):
        pytest.skip(f"transformers {transformers.__version__} has no {use} under {backend}")


__all__ = [
    "BEGIN",
    "CAUSAL",
    "COMBINATIONS",
    "COMBINATIONS_OF_MORE",
    "CONFIGS",
    "CROSS",
    "EAGER_ONLY",
    "ENCODER_DECODERS",
    "END",
    "MORE",
    "PROMPT",
    "SINGLE",
    "UNKNOWN",
    "USED",
    "VOCABULARY",
    "backends_of",
    "is_installed",
    "missing",
    "model_type_of",
    "require_backend",
    "tiny",
    "tiny_tokenizer",
    "tiny_victim",
    "use_of",
]
