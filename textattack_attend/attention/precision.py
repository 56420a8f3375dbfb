"""Precision: in which a model computes."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from transformers import PreTrainedModel

from ..errors import InvalidInputError

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


def require_precision(precision: str) -> None:
    """Raises InvalidInputError for a name that is no precision."""
    if precision not in PRECISIONS:
        raise InvalidInputError(
            f"precision: expected one of {', '.join(PRECISIONS)}, got {precision!r}"
        )


def autocast(model: PreTrainedModel, precision: str) -> AbstractContextManager[None]:
    """The context in which the model computes: its own precision for "float32"."""
    dtype = PRECISIONS[precision]
    context: AbstractContextManager[None] = torch.autocast(
        model.device.type, dtype, enabled=dtype is not None
    )
    return context
