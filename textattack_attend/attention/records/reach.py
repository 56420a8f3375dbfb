"""The reach of the queries of each layer, read from a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...structures import Reach


def earlier_tokens(config: Any) -> Sequence[Reach]:
    """Returns causal reaches."""
    return [Reach(None, 0)] * config.num_hidden_layers


def sliding_window(config: Any) -> Sequence[Reach]:
    """Returns causal reaches, local in layers of type "sliding_attention", or in all untyped."""
    every = ["sliding_attention"] * config.num_hidden_layers
    types = getattr(config, "layer_types", None) or every
    window = config.sliding_window
    near = Reach(None if window is None else window - 1, 0)
    return [near if kind == "sliding_attention" else Reach(None, 0) for kind in types]


def modernbert_windows(config: Any) -> Sequence[Reach]:
    """Returns reaches to both sides, local in all layers but every n-th."""
    side = config.local_attention // 2
    every = config.global_attn_every_n_layers
    layers = range(config.num_hidden_layers)
    return [Reach() if layer % every == 0 else Reach(side, side) for layer in layers]
