"""The reach of the queries of each layer, read from a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import UnsupportedModelError
from ...structures import Reach
from ...versions import is_local, t5gemma_sees_its_window

CAUSAL = Reach(None, 0)
FIELDS: dict[str, tuple[Any, ...]] = {
    "is_causal": (False,),
    "use_bidirectional_attention": (True, "all"),
}
"""The fields of a configuration by which a decoder becomes an encoder, and their values then."""


def earlier_tokens(config: Any) -> Sequence[Reach]:
    """Returns causal reaches."""
    _require_causal(config)
    return [CAUSAL] * config.num_hidden_layers


def sliding_window(config: Any) -> Sequence[Reach]:
    """Returns causal reaches, local in layers of type "sliding_attention", or in all untyped."""
    _require_causal(config)
    return _typed(config, CAUSAL, _window(config, 0))


def sliding_window_on_both_sides(config: Any) -> Sequence[Reach]:
    """Returns the reaches of Gemma 3: causal, or to both sides in an encoder of embeddings."""
    if not config.use_bidirectional_attention:
        return sliding_window(config)
    return _typed(config, Reach(), _window(config, config.sliding_window - 1))


def t5gemma_windows(config: Any) -> Sequence[Reach]:
    """Returns the reaches of the encoder of T5Gemma, to both sides."""
    side = config.sliding_window if t5gemma_sees_its_window() else config.sliding_window - 1
    return _typed(config, Reach(), Reach(side, side))


def attention_layers(config: Any) -> Sequence[Reach]:
    """Returns causal reaches of the layers of type "full_attention"; others have no attention."""
    _require_causal(config)
    return [CAUSAL for kind in config.layer_types if kind == "full_attention"]


def gpt_neo_windows(config: Any) -> Sequence[Reach]:
    """Returns causal reaches, local in layers of type "local"."""
    near = Reach(config.window_size - 1, 0)
    return [near if kind == "local" else CAUSAL for kind in config.attention_layers]


def modernbert_windows(config: Any) -> Sequence[Reach]:
    """Returns the reaches of ModernBERT, to both sides."""
    side = config.local_attention // 2
    return [Reach(side, side) if local else Reach() for local in is_local(config)]


def every_layer(config: Any) -> Sequence[int]:
    """Returns each layer's own position, for families whose layers must not be left out."""
    return range(config.num_hidden_layers)


def _typed(config: Any, full: Reach, local: Reach) -> list[Reach]:
    every = ["sliding_attention"] * config.num_hidden_layers
    types = getattr(config, "layer_types", None) or every
    return [local if kind == "sliding_attention" else full for kind in types]


def _window(config: Any, after: int) -> Reach:
    """Returns the reach to the window's own size before a query, itself included."""
    size = config.sliding_window
    return Reach(None if size is None else size - 1, after)


def _require_causal(config: Any) -> None:
    """Refuses a decoder whose configuration lets queries see later tokens.

    Versions and backends of transformers differ in what they make of these fields.
    """
    told = [f"{name}={getattr(config, name)!r}" for name in FIELDS if _is_set(config, name)]
    if told:
        raise UnsupportedModelError(
            f"{told[0]}: expected a decoder whose queries see earlier tokens only; what those of "
            "this model see depends on the version of transformers and on the backend"
        )


def _is_set(config: Any, name: str) -> bool:
    return getattr(config, name, None) in FIELDS[name]
