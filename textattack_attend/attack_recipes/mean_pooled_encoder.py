"""Measures semantic similarity by an encoder of transformers, where TextAttack needs TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from textattack.constraints.semantics.sentence_encoders.sentence_encoder import SentenceEncoder
from textattack.shared import utils
from torch import Tensor
from torch.nn.functional import normalize
from transformers import AutoModel, AutoTokenizer

from ..checkpoints.custom_code import NEVER
from ..checkpoints.loading import from_pretrained, load_model

BATCH = 64


class MeanPooledEncoder(SentenceEncoder):
    """Encodes a sentence as the mean of its tokens' last hidden states, scaled to length 1.

    Args:
        model: the folder of the encoder, or its name on the hub.
        settings: settings of TextAttack's `SentenceEncoder`.

    Raises:
        InvalidInputError: there is no such encoder.
    """

    def __init__(self, model: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.name = model
        self._tokenizer = from_pretrained(AutoTokenizer, model, advice=NEVER)
        self._encoder = load_model(AutoModel, model, advice=NEVER).eval().to(utils.device)

    @torch.no_grad()
    def encode(self, sentences: Sequence[str]) -> Tensor:
        """Returns the vectors of N sentences, float (N, D); equal sentences are read only once."""
        different = list(dict.fromkeys(sentences))
        rows = torch.cat([self._read(some) for some in _batches(different)])
        number = {sentence: n for n, sentence in enumerate(different)}
        return rows[[number[sentence] for sentence in sentences]]

    def _read(self, sentences: list[str]) -> Tensor:
        inputs = self._tokenizer(sentences, padding=True, truncation=True, return_tensors="pt")
        inputs = inputs.to(utils.device)
        states = self._encoder(**inputs).last_hidden_state
        real = inputs["attention_mask"][..., None]
        return normalize((states * real).sum(1) / real.sum(1), dim=1)

    def extra_repr_keys(self) -> list[str]:
        """Returns the names of the attributes that TextAttack prints."""
        keys: list[str] = ["name", *super().extra_repr_keys()]
        return keys


def _batches(sentences: Sequence[str]) -> Iterator[list[str]]:
    left = iter(sentences)
    while some := list(islice(left, BATCH)):
        yield some
