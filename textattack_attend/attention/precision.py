"""Precisions, the floating-point formats in which a model computes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

import torch
from transformers import PreTrainedModel

from ..errors import require_one_of

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


def require_precision(precision: str) -> None:
    """Raises InvalidInputError for a name that is no precision."""
    require_one_of("precision", precision, list(PRECISIONS))


def training_precision() -> str:
    """Returns the faster precision for training: bfloat16 where the device has it, else float32.

    A processor without instructions for bfloat16 emulates it, many times slower than float32.
    """
    if torch.accelerator.is_available():
        native = torch.cuda.is_available() and torch.cuda.is_bf16_supported(
            including_emulation=False
        )
    else:
        # Older releases of torch do not say what the processor can.
        can: Mapping[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
        native = any(can.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))
    return "bfloat16" if native else "float32"


def autocast(model: PreTrainedModel, precision: str) -> AbstractContextManager[None]:
    """Returns a context in which the model computes in a precision; "float32" changes nothing."""
    dtype = PRECISIONS[precision]
    context: AbstractContextManager[None] = torch.autocast(
        model.device.type, dtype, enabled=dtype is not None
    )
    return context
