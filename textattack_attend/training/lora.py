"""LoRA (Hu et al. 2022): trains two small matrices beside a weight, and then adds their product.

The matrices are PEFT's. After the training they are folded into the weights, so that the model is
saved like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ..attention import family_of
from ..errors import InvalidInputError, first_of

POOLER = "pooler."
"""The beginning of the names of the weights between layers and head, which are trained whole."""


def add_lora(model: PreTrainedModel, rank: int, modules: Sequence[str] = ()) -> None:
    """Freezes the weights below the head, and adds LoRA's matrices to linear modules.

    The product of the matrices counts twice (PEFT's ``lora_alpha`` is twice the rank).

    Args:
        model: the model.
        rank: the rank of the product.
        modules: the last parts of the names of the modules, as "query"; empty for all linear
            modules of the layers.

    Raises:
        InvalidInputError: PEFT is not installed, or the model has no such module.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise InvalidInputError(
            "lora_rank: expected PEFT to be installed; pip install 'textattack_attend[peft]'"
        ) from error
    chosen = _chosen(_linear_modules(model), modules)
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=chosen)
    inject_adapter_in_model(config, model)
    below = f"{model.base_model_prefix}."
    for name, weight in model.named_parameters():
        if not name.startswith(below) or name.removeprefix(below).startswith(POOLER):
            weight.requires_grad_(True)


def fold_lora(model: PreTrainedModel) -> None:
    """Adds the product of LoRA's matrices to the weights, and takes the matrices out again."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, module in [*model.named_modules()]:
        if isinstance(module, BaseTunerLayer):
            layer: Any = module
            layer.merge()
            above, _, own = name.rpartition(".")
            setattr(model.get_submodule(above), own, layer.get_base_layer())
    vars(model).pop("peft_config", None)
    for weight in model.parameters():
        weight.requires_grad_(True)


def _linear_modules(model: PreTrainedModel) -> list[str]:
    """Returns the names of the linear modules of all layers."""
    layers = {id(layer) for layer in family_of(model).all_layers(model)}
    paths = [name for name, module in model.named_modules() if id(module) in layers]
    return [
        f"{path}.{name}"
        for path in paths
        for name, module in model.get_submodule(path).named_modules()
        if isinstance(module, nn.Linear | Conv1D)
    ]


def _chosen(known: Sequence[str], modules: Sequence[str]) -> list[str]:
    """Returns the known names that end with one of the given ones.

    Raises:
        InvalidInputError: none ends with a given one.
    """
    if not modules:
        return list(known)
    for module in modules:
        if not any(_is(name, module) for name in known):
            ends = sorted({name.rpartition(".")[2] for name in known})
            raise InvalidInputError(
                f"lora_modules: expected linear modules of the model's layers, which are "
                f"{first_of(ends)}, got {module!r}"
            )
    return [name for name in known if any(_is(name, module) for module in modules)]


def _is(name: str, module: str) -> bool:
    return name == module or name.endswith(f".{module}")
