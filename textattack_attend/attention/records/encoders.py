"""The records of encoders, whose queries see tokens on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import UnsupportedModelError
from ..engine_parts import (
    albert_head,
    albert_mix,
    bert_head,
    bert_mix,
    distilbert_head,
    distilbert_mix,
    electra_choice_head,
    mpnet_bias,
    mpnet_mix,
    plain_head,
)
from ..family import Family
from ..layer_parts import EngineParts, Head, Projections
from .reach import modernbert_windows


def _albert_groups(config: Any) -> Sequence[int]:
    if config.inner_group_num != 1:
        raise UnsupportedModelError(
            f"expected an ALBERT with 1 layer a group, got {config.inner_group_num}"
        )
    layers_of_a_group = config.num_hidden_layers / config.num_hidden_groups
    return [int(layer / layers_of_a_group) for layer in range(config.num_hidden_layers)]


def _projections(path: str) -> Projections:
    return Projections(*(path.format(name) for name in ("query", "key", "value")))


def _bert_like(
    model_type: str, head: Head, choice_head: Head = bert_head, reserved_positions: int = 0
) -> Family:
    return Family(
        model_type,
        layers="encoder.layer",
        attention="attention.self",
        engine=EngineParts(_projections("attention.self.{}"), bert_mix, head, choice_head),
        reserved_positions=reserved_positions,
    )


ENCODERS = (
    _bert_like("bert", bert_head),
    _bert_like("electra", plain_head, electra_choice_head),
    # The positions of these start behind the padding index, 1.
    _bert_like("camembert", plain_head, reserved_positions=2),
    _bert_like("roberta", plain_head, reserved_positions=2),
    _bert_like("xlm-roberta", plain_head, reserved_positions=2),
    Family(
        "distilbert",
        layers="transformer.layer",
        attention="attention",
        engine=EngineParts(
            Projections("attention.q_lin", "attention.k_lin", "attention.v_lin"),
            distilbert_mix,
            distilbert_head,
            distilbert_head,
        ),
    ),
    Family(
        "albert",
        layers="encoder.albert_layer_groups",
        attention="albert_layers.0.attention",
        engine=EngineParts(
            _projections("albert_layers.0.attention.{}"), albert_mix, albert_head, albert_head
        ),
        served_by=_albert_groups,
    ),
    # Their scores depend on the distance of two tokens, which the engine does not compute.
    Family("deberta", layers="encoder.layer", attention="attention.self"),
    Family("deberta-v2", layers="encoder.layer", attention="attention.self"),
    Family(
        "mpnet",
        layers="encoder.layer",
        attention="attention.attn",
        engine=EngineParts(
            Projections("attention.attn.q", "attention.attn.k", "attention.attn.v"),
            mpnet_mix,
            plain_head,
            bert_head,
            bias=mpnet_bias,
        ),
        reserved_positions=2,
    ),
    Family("modernbert", layers="layers", attention="attn", reach=modernbert_windows),
)
