"""Measures the time that it takes to compute the identity of a victim."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain

from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from textattack_attend.checkpoints.loading import load
from textattack_attend.demo import NAME, VICTIM_PATH
from textattack_attend.identity import Identity
from textattack_attend.victims.victim import Victim


@dataclass(frozen=True)
class Measured:
    """An identity, and the time that it took.

    Args:
        identity: the identity of the victim.
        weight_bytes: the size of its weights and buffers.
        seconds: the time of the first computation.
        seconds_again: the time of the second computation, before which nothing had changed.
    """

    identity: Identity
    weight_bytes: int
    seconds: float
    seconds_again: float


def measure(checkpoint: str | None, trust_remote_code: bool = False) -> Measured:
    """Computes the identity of a victim twice.

    Args:
        checkpoint: the folder or hub name of the victim; None for a random BERT-base of 440 MB.
        trust_remote_code: whether to run the code that the checkpoint brings along.

    Raises:
        InvalidInputError: there is no such checkpoint.
        UnsupportedModelError: the model cannot be attacked.
    """
    folder = str(VICTIM_PATH) if checkpoint == NAME else checkpoint
    victim = Victim(*load(folder, trust_remote_code)) if folder else _base()
    begun = time.perf_counter()
    identity = victim.identity()
    first = time.perf_counter()
    victim.identity()
    again = time.perf_counter()
    tensors = chain(victim.model.parameters(), victim.model.buffers())
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    return Measured(identity, size, first - begun, again - first)


def _base() -> Victim:
    """Returns a random BERT-base with the tokenizer of the demo, whose vocabulary is smaller."""
    model = BertForSequenceClassification(BertConfig()).eval()
    return Victim(model, AutoTokenizer.from_pretrained(VICTIM_PATH))
