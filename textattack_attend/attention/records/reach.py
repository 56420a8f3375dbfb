"""The reach of the queries of each layer, read from a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...structures import Reach
from ...versions import is_local


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
    return [Reach(side, side) if local else Reach() for local in is_local(config)]
