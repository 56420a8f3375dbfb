"""Unwraps the transformers model inside the wrappers that other libraries put around it."""

from __future__ import annotations

import sys
from typing import Any

from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from transformers import PreTrainedModel

from ..checkpoints.adapters import require_inside_layers
from ..errors import UnsupportedModelError
from .plain import has_hooks, is_changed, is_compiled


def unwrapped(model: nn.Module) -> PreTrainedModel:
    """Returns the model inside a wrapped one, which computes the same.

    ``DataParallel`` and its kin, ``torch.compile`` and PEFT's adapters that change layers only pass
    inputs on. A model of transformers is returned as it is.

    Args:
        model: the model to unwrap, several times if need be.

    Raises:
        UnsupportedModelError: there is no model of transformers inside, or the wrapper changes
            inputs or outputs.
    """
    while (inner := _inside(model)) is not None:
        # A compiler replaces the forward of its own wrapper.
        if has_hooks(model) if is_compiled(model) else is_changed(model):
            raise UnsupportedModelError(
                f"expected a wrapper that passes inputs on to its model, got a "
                f"{type(model).__name__} with a hook or another forward of its own: remove it, or "
                "pass the model inside"
            )
        model = inner
    if not isinstance(model, PreTrainedModel):
        raise UnsupportedModelError(
            f"expected a model of transformers, got a {type(model).__name__}: load it with "
            "from_pretrained of an Auto... class"
        )
    return model


def _inside(model: nn.Module) -> nn.Module | None:
    if isinstance(model, DataParallel | DistributedDataParallel):
        inside: nn.Module = model.module
        return inside
    if is_compiled(model):
        return model.get_submodule("_orig_mod")
    # If PEFT was not imported, the model cannot be one of PEFT.
    peft: Any = sys.modules.get("peft")
    if peft is not None and isinstance(model, peft.PeftModel | peft.PeftMixedModel):
        return _inside_adapters(model)
    return None


def _inside_adapters(model: Any) -> nn.Module:
    """Returns the model inside PEFT's wrapper, whose layers contain the adapters."""
    for name, config in model.peft_config.items():
        require_inside_layers(name, config)
    inside: nn.Module = model.base_model.model
    return inside
