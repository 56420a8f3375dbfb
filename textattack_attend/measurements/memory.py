"""The memory of an attack beyond its model's: peak of the process on a CPU, of the GPU on a GPU."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass
from itertools import accumulate
from operator import or_
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification, PreTrainedModel

from ..attention import Engine, Run, forward_passes, shape_of
from ..attention.engine import LARGEST_BATCH
from ..importance import head_probes, layer_probes
from ..rankings import candidate_masks, random_scores
from ..structures import Budget, Structure

HEAD_SIZE = 64


@dataclass(frozen=True)
class Memory:
    """Bytes at the peak.

    Args:
        model: with the model in memory, after a plain forward pass.
        engine: how much more with structures evaluated, as many at once as the engine ever does.
        gradient: how much more with the forward and backward pass as well.
    """

    model: int
    engine: int
    gradient: int


def measure(tokens: int, layers: int, heads: int) -> Memory:
    """Evaluates what an attack evaluates on one long text, on a random BERT of that size."""
    model = _model(tokens, layers, heads)
    inputs = _inputs(model, tokens)
    (clean,) = forward_passes(model, inputs, [None])
    before = peak(model.device)
    engine = Engine(model)
    engine.renew()
    engine.rows_at_once = LARGEST_BATCH
    run = Run(clean.sequences[0])
    engine.logits([(run, structure) for structure in _structures(model, tokens)])
    after_engine = peak(model.device)
    del run, engine
    (read,) = forward_passes(model, inputs, [lambda logits: logits[0, 0]])
    read.capture()
    return Memory(before, after_engine - before, peak(model.device) - before)


def _structures(model: PreTrainedModel, tokens: int) -> list[Structure]:
    """A whole layer, the heads of a layer, and growing candidates of 1% of every matrix."""
    shape = shape_of(model, tokens)
    masks = candidate_masks(random_scores(shape, np.random.default_rng(0)), shape, Budget(0.01))
    middle = shape.layers // 2
    grown = list(accumulate(masks.values(), or_))
    candidates = grown[middle * shape.heads : (middle + 1) * shape.heads]
    return [layer_probes(shape)[0], *head_probes(shape, [0]), *candidates]


def _model(tokens: int, layers: int, heads: int) -> PreTrainedModel:
    config = BertConfig(
        hidden_size=HEAD_SIZE * heads,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * HEAD_SIZE * heads,
        max_position_embeddings=tokens,
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model: nn.Module = BertForSequenceClassification(config)
    return cast(PreTrainedModel, model.to(device).eval())


def _inputs(model: PreTrainedModel, tokens: int) -> dict[str, Tensor]:
    ids = torch.randint(1000, 2000, (1, tokens), device=model.device)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def peak(device: torch.device) -> int:
    """Bytes at the peak so far: of the process on a CPU, of the allocator on a GPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    if sys.platform == "linux":
        return _high_water_mark()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _high_water_mark() -> int:
    """Of this program alone: ``getrusage`` counts what the process held that started it."""
    status = Path("/proc/self/status").read_text()
    (mark,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(mark) * 1024
