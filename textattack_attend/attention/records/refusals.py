"""The families whose attention cannot be attacked, with the reasons."""

from __future__ import annotations

_WINDOWS = (
    "its layers attend within windows and to a few global tokens, by softmaxes that have no square "
    "of queries and keys"
)
_BLOCKS = "its layers attend in blocks of tokens, by several softmaxes that skip most keys"
_STATES = "its layers pass a state from token to token, and take no softmax"
_IMAGES = "it reads images as well; take the text model inside it, of type {}"
_ONLY_IMAGES = "it reads images; put it behind an ImageModelWrapper"
_HASHED = "its layers attend to tokens with like hashes only, and no softmax is over all keys"

REFUSED: dict[str, str] = {
    "beit": _ONLY_IMAGES,
    "big_bird": _BLOCKS,
    "bigbird_pegasus": _BLOCKS,
    "canine": "its deep layers attend to shortened texts, in which a position is several letters",
    "deit": _ONLY_IMAGES,
    "falcon_mamba": _STATES,
    "fnet": "its layers mix tokens by a Fourier transform, and have no attention",
    "funnel": "its layers pool tokens, so that queries and keys are fewer from block to block",
    "gemma3": _IMAGES.format("gemma3_text"),
    "gemma4": _IMAGES.format("gemma4_text"),
    "led": _WINDOWS,
    "llama4": _IMAGES.format("llama4_text"),
    "longformer": _WINDOWS,
    "longt5": _WINDOWS,
    "mamba": _STATES,
    "mamba2": _STATES,
    "mra": _BLOCKS,
    "nystromformer": "its layers attend by way of a few landmarks, in three softmaxes a layer",
    "pegasus_x": _BLOCKS,
    "perceiver": "its layers attend between latent vectors, which are no tokens",
    "qwen3_5": _IMAGES.format("qwen3_5_text"),
    "reformer": _HASHED,
    "rwkv": _STATES,
    "t5gemma2": "its decoder takes one softmax over the encoder's tokens and its own together",
    "vit": _ONLY_IMAGES,
    "xlstm": _STATES,
    "yoso": _HASHED,
}
"""The reasons why families are refused, by model type."""
