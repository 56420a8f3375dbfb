"""Reuse: layers below the lowest masked one compute what they computed on the clean text.

A clean pass keeps the hidden states before every layer. A batch of structures of the same text then
starts at its lowest masked layer. Masks that nobody reads are no masks: a sequence classifier reads
the first token of the last layer, so the last layer matters in the first token's row alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..structures import Structure
from .families import Family, family_of
from .injection import masked_attention


@dataclass(frozen=True)
class CleanPass:
    """One forward pass over one clean text.

    Args:
        logits: float (1, C).
        hidden: hidden states before every layer and after the last, each (1, T, D).
        reusable: whether the family's head gives these logits from the last hidden state; a
            subclass with a head of its own may not.
    """

    logits: Tensor
    hidden: tuple[Tensor, ...]
    reusable: bool


def clean_pass(model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> CleanPass:
    """Run one text without padding and keep its hidden states."""
    output = model(**inputs, output_hidden_states=True)
    logits = family_of(model).head(model, output.hidden_states[-1])
    reusable = logits.shape == output.logits.shape and torch.allclose(
        logits, output.logits, atol=1e-5
    )
    return CleanPass(output.logits, output.hidden_states, reusable)


def logits_from(
    model: PreTrainedModel, clean: CleanPass, structures: Sequence[Structure], batch_size: int
) -> Tensor:
    """Logits of one text under each of the structures, float (B, C)."""
    logits = clean.logits.repeat(len(structures), 1)
    for first, rows in _batches(structures, batch_size):
        batch = [structures[row] for row in rows]
        logits[rows] = _resume(model, clean.hidden[first], batch, first)
    return logits


def first_layer_that_matters(structure: Structure) -> int | None:
    """The lowest layer whose masks can change the logits; None if none can."""
    last = structure.shape.layers - 1
    below = [layer for layer in structure.layers if layer < last]
    if below:
        return min(below)
    tokens = structure.shape.tokens
    seen = any((cells < tokens).any() for _, cells in structure.cells_of_layer(last))
    return last if seen else None


def _batches(structures: Sequence[Structure], batch_size: int) -> Iterator[tuple[int, list[int]]]:
    """(layer to start at, rows) of structures that start at the same layer."""
    by_layer: dict[int, list[int]] = defaultdict(list)
    for row, structure in enumerate(structures):
        first = first_layer_that_matters(structure)
        if first is not None:
            by_layer[first].append(row)
    for first, rows in by_layer.items():
        for start in range(0, len(rows), batch_size):
            yield first, rows[start : start + batch_size]


def _resume(
    model: PreTrainedModel, hidden: Tensor, structures: Sequence[Structure], first: int
) -> Tensor:
    family = family_of(model)
    hidden = hidden.expand(len(structures), -1, -1)
    mask = _nothing_masked(model, family, hidden)
    with masked_attention(model, structures):
        for layer in family.layer_modules(model)[first:]:
            hidden = layer(hidden, mask)[0]
    return family.head(model, hidden)


def _nothing_masked(model: PreTrainedModel, family: Family, hidden: Tensor) -> Tensor | None:
    """The mask the model itself hands to its layers where nothing is padded."""
    if family.recomputed and model.config._attn_implementation == "eager":
        return torch.ones(hidden.shape[:2], dtype=torch.long, device=hidden.device)
    return None
