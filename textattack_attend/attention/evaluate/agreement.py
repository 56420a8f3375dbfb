"""Compares the engine with a model on one text, and chooses the faster evaluator that is exact.

A subclass, an adapter or an inserted layer may compute something else than its family's layers. So
two structures are evaluated both ways: the empty one, which the engine here computes from the
embeddings on, and a random one, which masks units of every head in every layer.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from ...structures import Shape, Structure
from ..capture import forward_passes
from ..families import family_of
from ..masking.injection import masked_attention
from ..plain import changed_module
from ..rows import run_rows
from .engine import Engine, SequenceCache
from .protocol import Evaluator
from .whole_model import WholeModel

logger = logging.getLogger(__name__)


def fastest_evaluator(model: PreTrainedModel, precision: str) -> Evaluator:
    """Returns the engine, or whole forward passes where the engine cannot be used.

    The engine cannot be used if it does not know the family, or if it would skip a hook. It calls
    the modules inside layers and heads, but not the layers, the encoder and the model themselves,
    and it passes other rows to modules than the model does: a hook would notice. The engine does
    not compute embeddings, so hooks on them do not matter.

    Args:
        model: a model of a supported family, in eval mode.
        precision: the precision of the search; see `Engine`.
    """
    if family_of(model).engine is None:
        return WholeModel(model, precision)
    changed = changed_module(model, getattr(model.base_model, "embeddings", None))
    if changed is None:
        return Engine(model, precision)
    say_that_it_is_slow(model, f"has a hook or another forward on {changed or 'itself'!r}")
    return WholeModel(model, precision)


def say_that_it_is_slow(model: PreTrainedModel, reason: str) -> None:
    """Warns that a model of a family that the engine knows is evaluated without it."""
    logger.warning(
        "%s %s: it is evaluated by whole forward passes, which takes several times as long",
        type(model).__name__,
        reason,
    )


def agrees(engine: Evaluator, inputs: Mapping[str, Tensor], shapes: Sequence[Shape]) -> bool:
    """Returns whether an engine computes the logits of its model, up to rounding.

    Args:
        engine: an evaluator of the precision "float32".
        inputs: the rows of one text without padding, each (B, T).
        shapes: the shape of each row.
    """
    model = engine.model
    (clean,) = forward_passes(model, inputs, [None])
    for structures in ([Structure(s) for s in shapes], [structure_everywhere(s) for s in shapes]):
        with torch.inference_mode(), masked_attention(model, structures):
            expected = run_rows(model, inputs).logits.float().cpu()
        runs = [SequenceCache.from_embeddings(sequence) for sequence in clean.sequences]
        found = engine.logits(list(zip(runs, structures, strict=True)))
        if not _close(found, expected, model.dtype):
            return _agrees_in_single_precision(model, inputs, shapes)
    return True


def _close(found: Tensor, expected: Tensor, dtype: torch.dtype) -> bool:
    if found.shape != expected.shape:
        return False
    return bool((found - expected).abs().max() <= tolerance(dtype) * expected.abs().max())


def _agrees_in_single_precision(
    model: PreTrainedModel, inputs: Mapping[str, Tensor], shapes: Sequence[Shape]
) -> bool:
    """Returns whether the engine agrees with a copy, in float32, of a model in half precision.

    Layers magnify the rounding of half precision, in some texts beyond any tolerance that would
    still tell two computations apart.
    """
    if torch.finfo(model.dtype).bits > 16:
        return False
    exact: PreTrainedModel = copy.deepcopy(model).float()
    engine = Engine(exact)
    engine.renew()
    return agrees(engine, inputs, shapes)


def tolerance(dtype: torch.dtype) -> float:
    """Returns the largest allowed error of logits of a dtype, relative to the largest logit."""
    precision = max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps)
    return float(precision**0.5)


def structure_everywhere(shape: Shape) -> Structure:
    """Returns a structure with random units of every head in every layer, fixed for a shape.

    It masks up to half of the first token's row, the only one that is read in the last layer, and a
    few units of each other row.
    """
    generator = np.random.default_rng(0)
    layer, head, query = np.indices((shape.layers, shape.heads, shape.tokens)).reshape(3, -1)
    rows = np.stack([layer, head, query], axis=1).repeat(4, axis=0)
    first = rows[rows[:, 2] == 0].repeat(max(1, shape.tokens // 8), axis=0)
    chosen = np.concatenate([rows, first])
    keys = generator.integers(shape.tokens, size=(len(chosen), 1))
    units = np.concatenate([chosen, keys], axis=1)
    return Structure.from_units(shape, units[shape.sees(units)])
