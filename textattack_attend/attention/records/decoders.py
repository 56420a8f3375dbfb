"""The records of decoders, whose queries see earlier tokens only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ...structures import Reach
from ..engine_parts import decoder_parts, gpt2_mix, llama_mix, rotary
from ..family import Family
from ..layer_parts import FusedProjection, Projections, attribute
from .reach import (
    attention_layers,
    earlier_tokens,
    every_layer,
    gpt_neo_windows,
    sliding_window,
    sliding_window_on_both_sides,
)

LIMIT = "max_position_embeddings"


def _decoder(
    model_type: str,
    reach: Callable[[Any], Sequence[Reach]] = earlier_tokens,
    layers: str = "layers",
    attention: str = "self_attn",
    **more: Any,
) -> Family:
    return Family(
        model_type, layers=layers, attention=attention, kind="decoder", reach=reach, **more
    )


GPT2 = decoder_parts("ln_f", projections=FusedProjection("attn.c_attn"), mix=gpt2_mix, norm="ln_1")
LLAMA = decoder_parts(
    "norm",
    projections=Projections("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    mix=llama_mix,
    norm="input_layernorm",
    scale=attribute("self_attn.scaling"),
    rotation=rotary,
)
QWEN3 = replace(LLAMA, head_norms=("self_attn.q_norm", "self_attn.k_norm"))

DECODERS = (
    _decoder("bloom", layers="h", attention="self_attention", limits=()),
    _decoder("cohere"),
    _decoder("cohere2", sliding_window),
    _decoder("deepseek_v3"),
    _decoder("falcon", layers="h", attention="self_attention"),
    _decoder("gemma", engine=LLAMA),
    _decoder("gemma2", sliding_window),
    _decoder("gemma3_text", sliding_window_on_both_sides),
    # Its layers leave their keys to higher ones.
    _decoder("gemma4_text", sliding_window, served_by=every_layer, since="5.0"),
    _decoder("glm"),
    _decoder("glm4"),
    _decoder("gpt2", layers="h", attention="attn", engine=GPT2),
    _decoder("gpt_neo", gpt_neo_windows, layers="h", attention="attn.attention"),
    _decoder("gpt_neox", attention="attention"),
    _decoder("gpt_oss", sliding_window, extra_keys=1),  # its sink of attention
    _decoder("gptj", layers="h", attention="attn"),
    _decoder("granite"),
    _decoder("lfm2", attention_layers, is_hybrid=True),
    _decoder("llama", engine=LLAMA),
    # Within one chunk the attention in chunks is causal.
    _decoder("llama4_text", layers="model.layers", limits=(LIMIT, "attention_chunk_size")),
    _decoder("ministral", sliding_window, engine=LLAMA),
    _decoder("ministral3", sliding_window, since="5.0", engine=LLAMA),
    _decoder("mistral", sliding_window, engine=LLAMA),
    _decoder("mixtral", sliding_window),
    _decoder("modernbert-decoder", sliding_window, attention="attn"),
    _decoder("mpt", layers="blocks", attention="attn", limits=("max_seq_len",)),
    _decoder("olmo", engine=LLAMA),
    _decoder("olmo2"),
    _decoder("olmo3", sliding_window),
    _decoder("opt", layers="decoder.layers"),
    _decoder("phi"),
    _decoder("phi3", sliding_window),
    _decoder("qwen2", sliding_window, engine=LLAMA),
    _decoder("qwen2_moe", sliding_window),
    _decoder("qwen3", sliding_window, engine=QWEN3),
    _decoder("qwen3_5_text", attention_layers, is_hybrid=True, since="5.0"),
    _decoder("qwen3_moe", sliding_window),
    _decoder("smollm3", sliding_window),
    _decoder("stablelm"),
    _decoder("starcoder2", sliding_window, engine=LLAMA),
)
