"""The supported families of transformers, each described by one record of `records`.

`register_family` adds a family of your own. Its record says where the layers stand under the base
model, and which module of a layer takes the softmax. A record with `EngineParts` lets the engine
compute the layers, which is much faster; other families are evaluated by whole forward passes.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from transformers import PreTrainedModel

from ..errors import UnsupportedModelError, did_you_mean
from ..registry import Registry
from ..structures import Shape
from ..versions import require_transformers
from .engine_parts import for_label_words
from .family import Family
from .label_words import LabelWordClassifier
from .patches import PatchClassifier
from .records import RECORDS
from .records.refusals import REFUSED

BACKENDS = ("eager", "sdpa")

FAMILIES: Registry[Family] = Registry("model type")


def register_family(family: Family) -> None:
    """Registers a family, so that its models can be attacked.

    Raises:
        InvalidInputError: a family of that model type is registered already.
    """
    FAMILIES.register(family.model_type, family)


for _family in RECORDS:
    register_family(_family)


def family_of(model: PreTrainedModel) -> Family:
    """Returns the family of a model.

    Raises:
        UnsupportedModelError: the architecture is unknown, the attention backend takes no mask by
            head, layers differ in their heads, or the weights are float16.
    """
    known = model.family if isinstance(model, PatchClassifier) else None
    family = known or _known(model.config.model_type)
    backend = model.config._attn_implementation
    if backend not in BACKENDS:
        raise UnsupportedModelError(
            f"attention backend {backend!r} takes no mask by head; load the model with "
            f"attn_implementation set to one of: {', '.join(BACKENDS)}"
        )
    if model.dtype == torch.float16:
        raise UnsupportedModelError(
            "float16 is too short to tell a fully masked row from padding; load the model with "
            "dtype float32 or bfloat16"
        )
    if getattr(model.config, "pruned_heads", None):
        raise UnsupportedModelError(
            "the layers of the model differ in their heads (some were pruned); expected the same "
            "everywhere"
        )
    if isinstance(model, LabelWordClassifier):  # its decoder reads nothing but the start token
        family = replace(family, engine=for_label_words(family.engine), decoder=None)
    family.num_heads(model)
    return family


def _known(model_type: str) -> Family:
    """Returns the record of a model type.

    Raises:
        UnsupportedModelError: there is none, or the installed transformers does not fit it.
    """
    family = FAMILIES.get(model_type)
    if family is None:
        reason = REFUSED.get(model_type)
        if reason is not None:
            raise UnsupportedModelError(
                f"model type {model_type!r} cannot be attacked: {reason}; `textattack-attend ls "
                "families` lists the types that can"
            )
        raise UnsupportedModelError(
            f"model type {model_type!r} is not supported; `textattack-attend ls families` lists "
            f"the types that are{did_you_mean(model_type, FAMILIES)}"
        )
    require_transformers(family.since, f"models of type {model_type!r}")
    return family


def shape_of(
    model: PreTrainedModel, tokens: int, first_is_special: bool = True, cross: bool = False
) -> Shape:
    """Returns the shape of a model's structures for texts of that many tokens.

    Args:
        model: a model of a supported family.
        tokens: the number of tokens of the text, special tokens included.
        first_is_special: whether the first token is a special one.
        cross: whether the structures mask a decoder's attention to its encoder, instead of
            self-attention.
    """
    family = family_of(model)
    layers = len(family.attention_modules(model, cross))
    heads = family.num_heads(model)
    return Shape(layers, heads, tokens, family.reach_of(model, cross), first_is_special)
