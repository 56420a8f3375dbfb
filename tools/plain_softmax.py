"""Masks attention the plain way: probabilities become zero, and the rest of a row is rescaled.

It replaces PyTorch's softmax while a whole model runs, in double precision, and shares nothing with
the masking of the package. So it says for every family what a masked forward pass must give.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BatchEncoding

from textattack_attend.structures import Shape, Structure
from textattack_attend.victims.victim import Victim

Order = Sequence[int | None]
"""The layer of a structure to which each softmax of a forward pass belongs, None for none."""


def softmax_order(victim: Victim) -> Order:
    """Returns the order in which a model, whose stacks have equally many layers, takes softmaxes.

    Args:
        victim: a victim whose model has the softmaxes of an encoder first; then in each layer of
            the decoder, if there is one, those of self-attention and of cross-attention.
    """
    layers = victim.empty_structure("a").shape.layers
    own: list[int | None] = list(range(layers))
    if not victim.model.config.is_encoder_decoder:
        return own
    if victim.prompt is not None:
        return [*own, *[None] * (2 * layers)]
    if victim.cross_attention:
        return [None] * layers + [layer for one in own for layer in (None, one)]
    stack = layers // 2
    return own[:stack] + [layer for one in own[stack:] for layer in (one, None)]


@contextmanager
def softmax_replaced(order: Order, computed: Any) -> Iterator[None]:
    """Replaces PyTorch's softmax of attention, which is over (B, H, queries, keys), in the context.

    Args:
        order: the layer of each softmax, as `softmax_order` has it.
        computed: a function that takes PyTorch's own softmax, the number of the layer, the scores,
            and the arguments of the call, and returns probabilities.
    """
    own: Any = nn.functional.softmax
    turn = iter(order)

    def softmax(scores: Tensor, *args: Any, **kwargs: Any) -> Any:
        layer = next(turn) if scores.ndim == 4 else None
        if layer is None:
            return own(scores, *args, **kwargs)
        return computed(own, layer, scores, *args, **kwargs)

    with patch.object(nn.functional, "softmax", softmax):
        yield
    if list(turn):
        raise RuntimeError("not every layer took a softmax")


def plain_logits(victim: Victim, inputs: BatchEncoding, structure: Structure) -> Tensor:
    """Computes the logits (1, C) of one text under a structure, from an eager model.

    Args:
        victim: a victim whose model is in double precision.
        inputs: the text, each tensor (1, T), padded on the right or not at all.
        structure: the structure.
    """
    own = slice(0, structure.shape.tokens)
    tokens = inputs["input_ids"].shape[1]
    masked, visible = [], []
    for layer, dense in enumerate(structure.dense()):
        whole = torch.zeros(1, structure.shape.heads, tokens, tokens, dtype=torch.bool)
        seen = whole.clone()
        whole[..., own, own] = torch.from_numpy(dense)
        seen[..., own, own] = torch.from_numpy(structure.shape.visible(layer).copy())
        seen[..., torch.arange(tokens), torch.arange(tokens)] = True
        masked.append(whole)
        visible.append(seen)

    def masked_softmax(softmax: Any, layer: int, scores: Tensor, *args: Any, **kw: Any) -> Tensor:
        sinks = (0, scores.shape[-1] - tokens)  # columns behind the keys are never masked
        hidden = nn.functional.pad(masked[layer], sinks)
        seen = nn.functional.pad(visible[layer], sinks, value=True)
        kept = softmax(scores, *args, **kw).masked_fill(hidden, 0)
        uniform = seen / seen.sum(-1, keepdim=True)
        nothing = (hidden | ~seen).all(-1, keepdim=True)
        return torch.where(nothing, uniform, kept / kept.sum(-1, keepdim=True)).to(kept.dtype)

    with torch.no_grad(), softmax_replaced(softmax_order(victim), masked_softmax):
        logits: Tensor = victim.model(**inputs).logits
    return logits.float()


def structures_of(shape: Shape) -> dict[str, Structure]:
    """Returns structures by name, each of which must change the logits of a tiny model."""
    generator = random.Random(3)
    units = [
        (layer, head, query, key)
        for layer in range(shape.layers)
        for head in range(shape.heads)
        for query, key in np.argwhere(shape.visible(layer)).tolist()
    ]
    last, ends = shape.layers - 1, (0, shape.tokens - 1)
    every = [(layer, head) for layer in range(shape.layers) for head in range(shape.heads)]
    chosen = {
        "a key of the first layer": [u for u in units if u[0] == 0 and u[3] == 2],
        "rows of the last layer": [u for u in units if u[0] == last and u[2] in ends],
        "a fifth": [u for u in units if generator.random() < 0.2],
    }
    structures = {name: Structure.from_units(shape, own) for name, own in chosen.items()}
    structures["a whole layer"] = Structure.whole(shape, [m for m in every if m[0] == 1])
    structures["everything"] = Structure.whole(shape, every)
    return structures
