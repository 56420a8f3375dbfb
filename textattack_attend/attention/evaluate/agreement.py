"""Lists what can evaluate a model, the fastest first, and compares the engine with the model.

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
from .engine import Engine
from .protocol import Evaluator
from .sequence_cache import SequenceCache
from .whole_model import WholeModel

logger = logging.getLogger(__name__)


def evaluators(model: PreTrainedModel, precision: str) -> list[Evaluator]:
    """Returns what can evaluate a model, the fastest first; whole forward passes are the last.

    The engine cannot be used if it would skip a hook. It calls the modules inside layers and heads,
    or the layers, but not the encoder, and it passes other rows to modules than the model does: a
    hook would notice. The engine does not compute embeddings, so hooks on them do not matter.

    Args:
        model: a model of a supported family, in eval mode.
        precision: the precision of the search; see `Engine`.
    """
    family = family_of(model)
    changed = changed_module(model, getattr(model.base_model, "embeddings", None))
    whole = WholeModel(model, precision)
    kinds = [True] * (family.engine is not None) + [False] * family.can_call_layers
    if kinds and changed is not None:
        say_that_it_is_slow(model, f"has a hook or another forward on {changed or 'itself'!r}")
        return [whole]
    return [*(Engine(model, precision, by_parts=kind) for kind in kinds), whole]


def say_that_it_is_slow(model: PreTrainedModel, reason: str) -> None:
    """Warns that a model is evaluated in a slower way than its family."""
    logger.warning(
        "%s %s: it is evaluated in a slower way than its family, with the same results",
        type(model).__name__,
        reason,
    )


def agrees(engine: Engine, inputs: Mapping[str, Tensor], shapes: Sequence[Shape]) -> bool:
    """Returns whether an engine computes the logits of its model, up to rounding.

    Args:
        engine: an engine of the precision "float32".
        inputs: the rows of one text without padding, each (B, T).
        shapes: the shape of each row.
    """
    model = engine.model
    (clean,) = forward_passes(model, inputs, [None])
    asked: list[tuple[SequenceCache, Structure]] = []
    expected: list[Tensor] = []
    for structures in ([Structure(s) for s in shapes], [structure_everywhere(s) for s in shapes]):
        with torch.inference_mode(), masked_attention(model, structures):
            expected.append(run_rows(model, inputs).logits.float().cpu())
        runs = [SequenceCache.from_embeddings(sequence) for sequence in clean.sequences]
        asked += zip(runs, structures, strict=True)
    found = _logits(engine, asked)
    if found is not None and _close(found, torch.cat(expected), model.dtype):
        return True
    return _agrees_in_single_precision(engine, inputs, shapes)


def _logits(engine: Engine, asked: Sequence[tuple[SequenceCache, Structure]]) -> Tensor | None:
    """Returns the logits of an engine, or None if it cannot compute the model's layers."""
    try:
        return engine.logits(asked)
    except Exception as error:  # what the layers of a strange model may raise is not known
        logger.info("the engine cannot compute %s: %s", type(engine.model).__name__, error)
        return None


def _close(found: Tensor, expected: Tensor, dtype: torch.dtype) -> bool:
    if found.shape != expected.shape:
        return False
    return bool((found - expected).abs().max() <= tolerance(dtype) * expected.abs().max())


def _agrees_in_single_precision(
    engine: Engine, inputs: Mapping[str, Tensor], shapes: Sequence[Shape]
) -> bool:
    """Returns whether the engine agrees with a copy, in float32, of a model in half precision.

    Layers magnify the rounding of half precision, in some texts beyond any tolerance that would
    still tell two computations apart.
    """
    if torch.finfo(engine.model.dtype).bits > 16:
        return False
    exact: PreTrainedModel = copy.deepcopy(engine.model).float()
    return agrees(Engine(exact, by_parts=engine.by_parts), inputs, shapes)


def tolerance(dtype: torch.dtype) -> float:
    """Returns the largest allowed error of logits of a dtype, relative to the largest logit."""
    precision = max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps)
    return float(precision**0.5)


def structure_everywhere(shape: Shape) -> Structure:
    """Returns a structure with random units of every head in every layer, fixed for a shape.

    It masks up to half of the rows of the first and the last token, one of which is often the only
    one that is read in the last layer, and a few units of each other row.
    """
    generator = np.random.default_rng(0)
    layer, head, query = np.indices((shape.layers, shape.heads, shape.tokens)).reshape(3, -1)
    rows = np.stack([layer, head, query], axis=1).repeat(4, axis=0)
    ends = np.isin(rows[:, 2], (0, shape.tokens - 1))
    chosen = np.concatenate([rows, rows[ends].repeat(max(1, shape.tokens // 8), axis=0)])
    keys = generator.integers(shape.tokens, size=(len(chosen), 1))
    units = np.concatenate([chosen, keys], axis=1)
    return Structure.from_units(shape, units[shape.sees(units)])
