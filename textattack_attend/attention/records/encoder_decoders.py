"""The records of encoder-decoders, which read the text in both stacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..family import Decoder, Family
from .reach import sliding_window, t5gemma_windows


def _encoder_decoder(model_type: str, layers: str, attention: str, cross_attention: str) -> Family:
    return Family(
        model_type,
        layers=f"encoder.{layers}",
        attention=attention,
        kind="encoder-decoder",
        decoder=Decoder(f"decoder.{layers}", attention, cross_attention),
    )


def _like_bart(*model_types: str) -> Sequence[Family]:
    return [_encoder_decoder(own, "layers", "self_attn", "encoder_attn") for own in model_types]


def _like_t5(*model_types: str) -> Sequence[Family]:
    paths = ("block", "layer.0.SelfAttention", "layer.1.EncDecAttention")
    return [_encoder_decoder(own, *paths) for own in model_types]


def _heads(config: Any) -> int:
    return int(config.num_attention_heads)


ENCODER_DECODERS = (
    *_like_bart("bart", "m2m_100", "marian", "mbart", "pegasus"),
    *_like_t5("mt5", "t5", "umt5"),
    Family(
        "t5gemma",
        layers="encoder.layers",
        attention="self_attn",
        kind="encoder-decoder",
        reach=t5gemma_windows,
        settings="encoder",
        feels_padding=lambda config: True,  # its classifier reads one token further on in padding
        decoder=Decoder(
            "decoder.layers",
            "self_attn",
            "cross_attn",
            settings="decoder",
            heads=_heads,
            reach=sliding_window,
        ),
    ),
)
