"""Model families as data: where the attention modules are and where their mask arrives.

A family is one record. To add one: where its self-attention modules sit under the base model, the
name under which the mask reaches them, and, if the eager path takes a 0/1 mask that cannot differ
by head, the submodule that is handed the attention probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedModel

from ..errors import UnsupportedModelError
from ..structures import Shape

BACKENDS = ("eager", "sdpa")


@dataclass(frozen=True)
class Family:
    """One family of transformers.

    Args:
        model_type: ``config.model_type`` of its models.
        attention: path of a layer's self-attention module under the base model; ``{}`` is the
            layer.
        mask_argument: keyword under which the mask reaches that module.
        probabilities: submodule whose input is the attention probabilities; only where the eager
            path takes a 0/1 mask of shape (B, T), which cannot differ by head.
        reserved_positions: rows of the position table that no token can use.

    """

    model_type: str
    attention: str
    mask_argument: str
    probabilities: str | None = None
    reserved_positions: int = 0

    def attention_modules(self, model: PreTrainedModel) -> list[nn.Module]:
        """The self-attention modules, by layer."""
        layers = model.config.num_hidden_layers
        return [model.base_model.get_submodule(self.attention.format(i)) for i in range(layers)]

    def max_tokens(self, model: PreTrainedModel) -> int:
        """The longest input the position table allows, in tokens."""
        return int(model.config.max_position_embeddings) - self.reserved_positions


FAMILIES = {
    family.model_type: family
    for family in (
        Family("bert", "encoder.layer.{}.attention.self", "attention_mask"),
        Family("distilbert", "transformer.layer.{}.attention", "mask", probabilities="dropout"),
        Family("electra", "encoder.layer.{}.attention.self", "attention_mask"),
        Family(
            "roberta",
            "encoder.layer.{}.attention.self",
            "attention_mask",
            reserved_positions=2,  # its positions start behind the padding index, 1
        ),
    )
}


def family_of(model: PreTrainedModel) -> Family:
    """The family of a model.

    Raises:
        UnsupportedModelError: the architecture is unknown, the attention backend takes no mask by
            head, or heads were pruned.

    """
    family = FAMILIES.get(model.config.model_type)
    if family is None:
        raise UnsupportedModelError(
            f"model type {model.config.model_type!r} is not supported; "
            f"supported: {', '.join(FAMILIES)}"
        )
    backend = model.config._attn_implementation
    if backend not in BACKENDS:
        raise UnsupportedModelError(
            f"attention backend {backend!r} takes no mask by head; load the model with "
            f"attn_implementation set to one of: {', '.join(BACKENDS)}"
        )
    if getattr(model.config, "pruned_heads", None):
        raise UnsupportedModelError(
            "the model has pruned heads, so its layers differ; expected the same heads everywhere"
        )
    return family


def shape_of(model: PreTrainedModel, tokens: int) -> Shape:
    """The shape of the structures of a model, for texts of that many tokens."""
    config = model.config
    return Shape(int(config.num_hidden_layers), int(config.num_attention_heads), tokens)
