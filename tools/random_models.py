"""Models with random weights, of a wanted family and size, with the tokenizer of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForMultipleChoice,
    AutoModelForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from textattack_attend.checkpoints.loading import tokenizer_of
from textattack_attend.demo import VICTIM_PATH

HEADS: dict[str, Any] = {
    "classifier": AutoModelForSequenceClassification,
    "choices": AutoModelForMultipleChoice,
    "language": AutoModelForCausalLM,
}
"""The Auto class that puts each kind of head on a model."""


@dataclass(frozen=True)
class Size:
    """The size of a model.

    Args:
        family: a model type of transformers, as "bert".
        layers: the number of layers.
        heads: the number of heads of a layer.
        head_size: the width of a head.
        key_heads: the number of heads that have keys of their own; None for all.
        inner: the width of the feed-forward network; None for four times the hidden states'.
        head: the kind of the head, one of `HEADS`.
    """

    family: str
    layers: int
    heads: int
    head_size: int = 64
    key_heads: int | None = None
    inner: int | None = None
    head: str = "classifier"


def demo_tokenizer(tokens: int) -> PreTrainedTokenizerBase:
    """Returns the tokenizer of the demo for texts of so many tokens at most."""
    return tokenizer_of(
        str(VICTIM_PATH), model_max_length=tokens, model_input_names=["input_ids", "attention_mask"]
    )


def random_model(size: Size, tokenizer: PreTrainedTokenizerBase, tokens: int) -> PreTrainedModel:
    """Makes a model with random weights, the same ones each time.

    Args:
        size: the size of the model.
        tokenizer: the tokenizer that the model is to understand.
        tokens: the most tokens of a text.
    """
    torch.manual_seed(0)
    hidden = size.head_size * size.heads
    inner = size.inner or 4 * hidden
    where_there_is_such_a_field = {
        "num_key_value_heads": size.key_heads or size.heads,
        "head_dim": size.head_size,
        "encoder_layers": size.layers,
        "decoder_layers": size.layers,
        "num_decoder_layers": size.layers,
        "encoder_attention_heads": size.heads,
        "decoder_attention_heads": size.heads,
        "encoder_ffn_dim": inner,
        "decoder_ffn_dim": inner,
        "decoder_start_token_id": tokenizer.pad_token_id,
    }
    usual = AutoConfig.for_model(size.family)
    config = AutoConfig.for_model(
        size.family,
        hidden_size=hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=inner,
        max_position_embeddings=tokens + 2,  # RoBERTa and its kin count from 2
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.sep_token_id,
        **{name: of for name, of in where_there_is_such_a_field.items() if hasattr(usual, name)},
    )
    model = HEADS[size.head].from_config(config, trust_remote_code=False)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return cast(PreTrainedModel, model.to(device).eval())
