"""The records of decoders, whose queries see earlier tokens only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...structures import Reach
from ..family import Family
from .reach import earlier_tokens, sliding_window


def _decoder(
    model_type: str,
    reach: Callable[[Any], Sequence[Reach]] = earlier_tokens,
    layers: str = "layers",
    attention: str = "self_attn",
) -> Family:
    return Family(model_type, layers=layers, attention=attention, reach=reach)


DECODERS = (
    _decoder("gemma"),
    _decoder("gpt2", layers="h", attention="attn"),
    _decoder("llama"),
    _decoder("mistral", sliding_window),
    _decoder("opt", layers="decoder.layers"),
    _decoder("qwen2", sliding_window),
)
