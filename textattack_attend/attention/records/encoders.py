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
from .reach import every_layer, modernbert_windows


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


def _other(model_type: str, **more: Any) -> Family:
    """Returns the record of an encoder with BERT's paths, unless it says otherwise."""
    paths = {"layers": "encoder.layer", "attention": "attention.self"}
    return Family(model_type, **{**paths, **more})


def _mixed_heads(config: Any) -> int:
    """Returns the number of heads of ConvBERT that take a softmax; the others are convolutions."""
    return max(1, int(config.num_attention_heads // config.head_ratio))


def _like_xlm(model_type: str) -> Family:
    """Returns the record of a family whose base model has no layers, but a list of attentions."""
    return Family(
        model_type,
        layers="attentions",
        attention="",
        served_by=every_layer,
        feels_padding=_reads_another_token,
    )


def _reads_another_token(config: Any) -> bool:
    """Returns whether a head reads the last position, padding or not, or several positions."""
    return bool(config.summary_type != "first")


MPNET = EngineParts(
    Projections("attention.attn.q", "attention.attn.k", "attention.attn.v"),
    mpnet_mix,
    plain_head,
    bert_head,
    bias=mpnet_bias,
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
    # Layers that the engine does not compute, such as those with positions in their scores.
    # Its convolutions read padding as well.
    _other("convbert", heads=_mixed_heads, feels_padding=lambda config: True),
    _bert_like("data2vec-text", plain_head, reserved_positions=2),
    _other("deberta"),
    _other("deberta-v2"),
    _bert_like("ernie", bert_head),
    # Transformers 4 keeps its rotations, made without gradients, for passes with gradients.
    _other("esm", reserved_positions=2, since="5.0"),
    _other("eurobert", layers="layers", attention="self_attn", since="5.0"),
    _like_xlm("flaubert"),
    _other("ibert", reserved_positions=2),
    _other("megatron-bert"),
    _other("modernbert", layers="layers", attention="attn", reach=modernbert_windows),
    _other("mpnet", attention="attention.attn", reserved_positions=2, engine=MPNET),
    _other("nomic_bert", layers="layers", attention="self_attn", since="5.0"),
    _bert_like("rembert", bert_head),
    _other("roformer"),
    # Its layers answer with a dictionary, whose hidden states have the tokens last.
    _other("squeezebert", layers="encoder.layers", attention="attention", served_by=every_layer),
    _like_xlm("xlm"),
    _other("xlm-roberta-xl", reserved_positions=2),
    _other(
        "xlnet",
        layers="layer",
        attention="rel_attn",
        served_by=every_layer,  # their outputs have the tokens first
        limits=(),
        feels_padding=_reads_another_token,
    ),
)
