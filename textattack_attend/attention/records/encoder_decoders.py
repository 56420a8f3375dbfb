"""The records of encoder-decoders, which read the text in both stacks."""

from __future__ import annotations

from ..family import Decoder, Family


def _encoder_decoder(model_type: str, layers: str, attention: str, cross_attention: str) -> Family:
    decoder = Decoder(f"decoder.{layers}", attention, cross_attention)
    return Family(model_type, layers=f"encoder.{layers}", attention=attention, decoder=decoder)


ENCODER_DECODERS = (
    _encoder_decoder("bart", "layers", "self_attn", "encoder_attn"),
    _encoder_decoder("t5", "block", "layer.0.SelfAttention", "layer.1.EncDecAttention"),
)
