"""The records of decoders, whose queries see earlier tokens only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...structures import Reach
from ..engine_parts import decoder_parts, gpt2_mix, llama_mix, rotary
from ..family import Family
from ..layer_parts import EngineParts, FusedProjection, Projections, attribute
from .reach import earlier_tokens, sliding_window


def _decoder(
    model_type: str,
    reach: Callable[[Any], Sequence[Reach]] = earlier_tokens,
    layers: str = "layers",
    attention: str = "self_attn",
    engine: EngineParts | None = None,
) -> Family:
    return Family(model_type, layers=layers, attention=attention, engine=engine, reach=reach)


LLAMA = decoder_parts(
    "norm",
    projections=Projections("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    mix=llama_mix,
    norm="input_layernorm",
    scale=attribute("self_attn.scaling"),
    rotation=rotary,
)
GPT2 = decoder_parts("ln_f", projections=FusedProjection("attn.c_attn"), mix=gpt2_mix, norm="ln_1")


DECODERS = (
    _decoder("gemma", engine=LLAMA),
    _decoder("gpt2", layers="h", attention="attn", engine=GPT2),
    _decoder("llama", engine=LLAMA),
    _decoder("mistral", sliding_window, engine=LLAMA),
    _decoder("opt", layers="decoder.layers"),
    _decoder("qwen2", sliding_window, engine=LLAMA),
)
