"""Compares a tiny model of a family with a plain softmax, as the table of families shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers.models.auto import modeling_auto

from textattack_attend.attention import Engine, Family
from textattack_attend.structures import Reach, Shape
from textattack_attend.victims.victim import Victim

from ..plain_softmax import plain_logits, structures_of
from .victims import CONFIGS, SINGLE, backends_of, tiny_victim

TEXT = "the actor was never dull but the plot is"
USES = {
    "classifier": modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    "choices": modeling_auto.MODEL_FOR_MULTIPLE_CHOICE_MAPPING_NAMES,
    "prompt": {
        **modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        **modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    },
}
"""The uses of a victim, with the model types that transformers has a model for."""


@dataclass(frozen=True)
class Measured:
    """The abilities of a family, measured on a tiny model of it.

    Args:
        backends: the backends under which it was compared.
        attackable: the units that can be attacked.
        evaluated_by: the way in which structures are evaluated.
        error: the largest difference to the logits under a plain softmax, relative to the largest
            logit, over backends, structures and both ways to evaluate them.
    """

    backends: tuple[str, ...]
    attackable: str
    evaluated_by: str
    error: float


def measured(name: str) -> Measured:
    """Compares one family with a plain softmax."""
    backends = tuple(backends_of(name))
    plain = tiny_victim(name)
    if name not in SINGLE:
        torch.nn.Module.to(plain.model, torch.double)
    shape = plain.empty_structure(TEXT).shape
    inputs = plain.inputs.encode([TEXT])
    structures = list(structures_of(shape).values())
    expected = torch.cat([plain_logits(plain, inputs, one) for one in structures])
    victims = [tiny_victim(name, backend) for backend in backends]
    found = [logits for victim in victims for logits in _both_ways(victim)]
    errors = [float((own - expected).abs().max() / expected.abs().max()) for own in found]
    ways = " or ".join(dict.fromkeys(evaluation(victim) for victim in victims))
    return Measured(backends, attackable(shape), ways, max(errors))


def evaluation(victim: Victim) -> str:
    """Says how the structures of a victim are evaluated."""
    if not isinstance(victim.engine, Engine):
        return "whole passes"
    return "the engine, by rows" if victim.engine.by_parts else "the engine, by layers"


def uses(family: Family) -> str:
    """Says what a family can be attacked as, by the models that transformers has."""
    found = [use for use, types in USES.items() if family.model_type in types]
    if family.feels_padding(CONFIGS[family.model_type]()) and "choices" in found:
        found.remove("choices")
    if family.kind == "encoder" and "prompt" in found:  # it can be built as a decoder
        found.remove("prompt")
    return ", ".join(found)


def _both_ways(victim: Victim) -> Iterator[Tensor]:
    """Yields the logits under every structure by masked passes, and by the victim's evaluator."""
    structures = list(structures_of(victim.empty_structure(TEXT).shape).values())
    yield torch.cat([victim.logits([TEXT], [one]) for one in structures])
    (reading,) = victim.read([TEXT], [None])
    yield victim.logits_from([(reading, one) for one in structures])


def attackable(shape: Shape) -> str:
    """Says in a few words which units of a shape can be attacked."""
    layers = [shape.reach_of(layer) for layer in range(shape.layers)]
    own = [reach for reach in layers if not reach.decoder_keys]
    of_decoder = [reach for reach in layers if reach.decoder_keys]
    said = _pairs(own)
    return f"encoder: {said}; decoder: {_pairs(of_decoder)}" if of_decoder else said


def _pairs(layers: list[Reach]) -> str:
    pairs = "earlier tokens" if all(reach.after == 0 for reach in layers) else "every pair"
    full = sum(reach.before is None for reach in layers)
    if full == len(layers):
        return pairs
    return f"{pairs} within windows" if full == 0 else f"{pairs}, in some layers within windows"
