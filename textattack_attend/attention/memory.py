"""Estimates the memory that an attack on a text takes beside its model, and what is free."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import psutil
import torch
from transformers import PreTrainedModel

from ..errors import InvalidInputError, require_number
from ..structures import Shape
from .evaluate.engine import ATTENTION_BYTES, KEPT_BYTES
from .families import family_of, shape_of

GIBIBYTE = 2**30
SINGLE = 4
"""The bytes of a number in single precision, in which captured attention is kept."""
KEPT_FUSED, KEPT_EAGER = 1, 4
"""The number of matrices that the backward pass keeps of a layer: its probabilities and, where the
model itself takes the softmax (eager attention), the intermediate results."""
PASSING = 8
"""The number of one layer's matrices that exist at a time while it is computed or captured."""
HIDDEN, INNER = 8, 3
"""The numbers of vectors that the backward pass keeps of a token in a layer: those as wide as the
hidden states, and those as wide as the inner layer of the feed-forward network."""
ENGINE_BYTES = ATTENTION_BYTES + KEPT_BYTES
"""The most bytes that the engine takes for all texts under attack together."""
CONTROL_GROUP = Path("/sys/fs/cgroup")


class MemoryBound:
    """Refuses texts whose attack would take more memory than there is.

    Args:
        model: a model of a supported family.
        gibibytes: the memory that an attack may take beside the model, in GiB; None for half of the
            memory that is free when the limit is first needed.

    Raises:
        InvalidInputError: the number is not positive.
    """

    def __init__(self, model: PreTrainedModel, gibibytes: float | None = None) -> None:
        if gibibytes is not None:
            require_number("max_memory", gibibytes, "(0, inf)", hint="8 is eight GiB")
        self.gibibytes = gibibytes
        self._model = model

    @cached_property
    def limit(self) -> int:
        """The number of bytes that an attack may take."""
        if self.gibibytes is not None:
            return int(self.gibibytes * GIBIBYTE)
        return free_bytes(self._model.device) // 2

    def fit(self, shapes: Iterable[Shape]) -> bool:
        """Returns whether texts of these shapes can be attacked together; one text always can."""
        needed = [bytes_needed(self._model, shape) - ENGINE_BYTES for shape in shapes]
        return len(needed) <= 1 or sum(needed) + ENGINE_BYTES <= self.limit

    def require(self, shape: Shape) -> None:
        """Refuses a text that is too long.

        Args:
            shape: the shape of the text's structures.

        Raises:
            InvalidInputError: the attack would take more memory than the limit.
        """
        needed = bytes_needed(self._model, shape)
        if needed > self.limit:
            fits = longest_text(self._model, self.limit)
            shorter = f"about {fits} tokens fit: give max_tokens={fits}, or"
            raise InvalidInputError(
                f"a text of {shape.tokens} tokens: expected an attack that takes at most "
                f"{self.limit / GIBIBYTE:.2g} GiB of memory, got one that takes about "
                f"{needed / GIBIBYTE:.2g} GiB; {shorter if fits else 'no text fits: give'} "
                "a larger max_memory if there is more (by default half of what is free)"
            )


def bytes_needed(model: PreTrainedModel, shape: Shape) -> int:
    """Estimates the bytes that an attack takes beside its model, rather too many than too few.

    The first of the terms that grow with the square of the length is what the backward pass keeps
    of every layer, the second the effects of HackAttend+, the third what one layer takes while it
    is looked at.

    Args:
        model: a model of a supported family.
        shape: the shape of the text's structures.
    """
    config = family_of(model).settings_of(model.config)
    units = sum(tokens**2 for tokens in shape.sequences or (shape.tokens,))
    kept = KEPT_FUSED if model.config._attn_implementation == "sdpa" else KEPT_EAGER
    matrices = shape.layers * (kept + 1) * units + PASSING * shape.tokens**2
    hidden = int(config.hidden_size)
    inner = int(getattr(config, "intermediate_size", None) or 4 * hidden)
    vectors = shape.layers * shape.tokens * (HIDDEN * hidden + INNER * inner)
    return SINGLE * (shape.heads * matrices + vectors) + ENGINE_BYTES


def longest_text(model: PreTrainedModel, limit: int) -> int:
    """Returns the largest number of tokens whose attack takes no more bytes than the limit."""
    fits, too_long = 0, 1
    while bytes_needed(model, shape_of(model, too_long)) <= limit:
        fits, too_long = too_long, 2 * too_long
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if bytes_needed(model, shape_of(model, middle)) <= limit:
            fits = middle
        else:
            too_long = middle
    return fits


def free_bytes(device: torch.device) -> int:
    """Returns the free bytes of a device; for a CPU, of the machine and its container."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    available: int = psutil.virtual_memory().available
    return min([available, *_free_in_container()])


def _free_in_container() -> list[int]:
    """Returns the bytes that are left under the limit of the process's control group, if any."""
    try:
        limit = (CONTROL_GROUP / "memory.max").read_text().strip()
        used = int((CONTROL_GROUP / "memory.current").read_text())
    except (OSError, ValueError):  # no limit, or a system without control groups
        return []
    return [max(0, int(limit) - used)] if limit.isdecimal() else []
