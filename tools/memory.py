"""Measures an attack's memory beyond its model's, as the peak of the process or of the GPU."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from textattack_attend.attack_recipes import HackAttendLiong2024, HackAttendPlus
from textattack_attend.attacks.attack import StructureAttack
from textattack_attend.attention import FAMILIES, bytes_needed
from textattack_attend.errors import require_one_of
from textattack_attend.models.wrappers import AttentionModelWrapper

from .random_models import Size, demo_tokenizer, random_model

ATTACKS = ("hackattend", "hackattend-plus")


@dataclass(frozen=True)
class Memory:
    """The peaks of the memory, and their growth, in bytes.

    Args:
        model: the peak with the libraries and the model in memory, after a plain forward pass.
        gradient: the growth of the peak by a plain forward and backward pass.
        attack: the further growth of the peak by an attack.
        estimate: the growth beyond the model that was expected of the attack, see `bytes_needed`.
        queries: the number of structures that the attack evaluated.
    """

    model: int
    gradient: int
    attack: int
    estimate: int
    queries: int


def measure(family: str, tokens: int, layers: int, heads: int, attack: str) -> Memory:
    """Attacks one long text on a random model of that family and size.

    A random model does not change its answer under a structure, so the attack runs to its end:
    HackAttend over one layer, HackAttend+ over three rounds.

    Args:
        family: a model type of transformers, as "bert".
        tokens: the length of the text.
        layers: the number of layers of the model.
        heads: the number of heads of a layer, each 64 wide.
        attack: one of `ATTACKS`.

    Raises:
        InvalidInputError: the family cannot be attacked.
    """
    require_one_of("family", family, sorted(FAMILIES))
    tokenizer = demo_tokenizer(tokens)
    model = random_model(Size(family, layers, heads), tokenizer, tokens)
    wrapper = AttentionModelWrapper(model, tokenizer)
    text = "good " * (tokens - 2)
    label = int(wrapper.victim.logits([text])[0].argmax())
    before = peak(model.device)
    _differentiate(model, wrapper.victim.inputs.encode([text]).to(model.device))
    plain = peak(model.device)
    result = _attack(attack, wrapper).attack(text, label)
    shape = wrapper.victim.empty_structure(text).shape
    return Memory(
        before,
        plain - before,
        peak(model.device) - plain,
        bytes_needed(model, shape),
        result.perturbed_result.num_queries,
    )


def _attack(name: str, wrapper: AttentionModelWrapper) -> StructureAttack:
    if name == "hackattend":
        return HackAttendLiong2024.build(wrapper, max_layers=1)
    return HackAttendPlus.build(wrapper, rounds=3)


def _differentiate(model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> None:
    logits: Tensor = model(**inputs).logits
    embeddings = model.get_input_embeddings()
    assert isinstance(embeddings, nn.Module)
    torch.autograd.grad(logits[0, 0], list(embeddings.parameters()))


def peak(device: torch.device) -> int:
    """Returns the peak so far, in bytes: of the process on a CPU, of the allocator on a GPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    if sys.platform == "linux":
        return _high_water_mark()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _high_water_mark() -> int:
    """Returns this program's own peak, as ``getrusage`` counts memory of its parent, too."""
    status = Path("/proc/self/status").read_text()
    (mark,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(mark) * 1024
