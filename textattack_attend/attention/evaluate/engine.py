"""The engine computes the logits of many structures, and what they share only once.

Two structures of one text that mask the same units up to a layer have the same hidden states there.
So the structures of a text form a tree: its root is the text before the first layer, a node is a
state, and below it stand the branches that mask different units in the next layer. The clean text
is a path of this tree, known from the clean pass; the structures below it are computed layer by
layer, all branches at once (`branches`). What was computed stays until the text is done, or
until it takes too much memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import ceil, log2
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ...errors import UnsupportedModelError
from ...structures import Cells, Structure
from ..capture import SequenceActivations
from ..families import family_of
from ..precision import autocast, require_precision
from ..rows import is_multiple_choice
from .branches import Branch, Masks, advance
from .first_token import first_token
from .kernels import CopyMark, can_use_onednn, in_onednn, mark_of_copies, onednn_is_faster
from .lower_layers import Outputs
from .states import State

LAYER_OPERATIONS = {"cpu": 1e10, "cuda": 5e11}
"""A layer that takes so many operations has enough rows: the overhead of a call is then negligible.

The number is fixed, not measured: batches that depend on timing change the last bits of results.
"""
SMALLEST_BATCH, LARGEST_BATCH = 2**8, 2**16
"""The fewest and the most tokens that the engine computes at once, if memory allows."""
ATTENTION_BYTES = 2**28
"""The most bytes that the attention of a batch may take."""
KEPT_BYTES = 2**28
"""The most bytes that the states of the texts of a batch may take, after which they are freed."""

Key = tuple[tuple[int, bytes], ...]


class Node:
    """A state, and the results computed from it: nodes, or logits (C,) after the last layer."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.after: dict[Key, Node] = {}
        self.logits: dict[Key, Tensor] = {}


class SequenceCache:
    """The results known for one sequence: its clean pass, and structures evaluated so far.

    Args:
        clean: the activations of the sequence when nothing is masked.

    Attributes:
        tokens: the number of tokens.
        inputs: the model's input tensors by name, each (T,).
        path: the clean sequence before every layer; empty where the engine cannot be used.
        outputs: the layers' outputs for the clean sequence, once `WholeModel` has recorded them.
    """

    outputs: Outputs

    def __init__(self, clean: SequenceActivations) -> None:
        self.tokens = clean.tokens
        self.inputs = clean.inputs
        self.outputs = []
        rows = np.arange(self.tokens)
        self.path = [Node(State(hidden, rows)) for hidden in clean.hidden[:-1]]
        self.clean_logits = clean.logits.float().cpu()
        self.forget()

    @classmethod
    def from_embeddings(cls, clean: SequenceActivations) -> SequenceCache:
        """A run that knows nothing but its embeddings, so that even the clean text is computed."""
        run = cls(clean)
        run.path = [Node(run.root.state)]
        return run

    @property
    def root(self) -> Node:
        """The text before the first layer."""
        return self.path[0]

    def forget(self) -> None:
        """Keeps nothing but the clean text."""
        self.kept_bytes = 0
        if not self.path:
            return
        for node, after in zip(self.path, self.path[1:], strict=False):
            node.after = {(): after}
        self.path[-1].logits = {(): self.clean_logits}


class Engine:
    """Evaluates structures on a model, layer by layer, and reuses what they have in common.

    Args:
        model: a model of a family with `EngineParts`, in eval mode.
        precision: "float32" for the model's own precision, or "bfloat16" or "float16" to compute
            under ``torch.autocast``.

    Raises:
        UnsupportedModelError: the engine cannot compute the layers of the model's family.
        InvalidInputError: the precision is unknown.

    Attributes:
        token_layers: the number of hidden states, each of one token after one layer, computed.
        twin: the model, or a copy of it whose linear layers compute in oneDNN.
    """

    def __init__(self, model: PreTrainedModel, precision: str = "float32") -> None:
        require_precision(precision)
        self.model = model
        self.precision = precision
        self.token_layers = 0
        self._family = family_of(model)
        if self._family.engine is None:
            name = self._family.model_type
            raise UnsupportedModelError(f"the engine does not know the layers of {name!r}")
        self._parts = self._family.engine
        self._head = self._parts.choice_head if is_multiple_choice(model) else self._parts.head
        self._heads = int(model.config.num_attention_heads)
        self.twin = model
        self._mark: CopyMark | None = None
        self._rows_at_once: int | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out the copies in oneDNN's format, which cannot go to another process."""
        return {**vars(self), "twin": self.model, "_mark": None}

    def renew(self) -> None:
        """Copies the model's weights again for oneDNN, if the model was changed since."""
        if not self._in_onednn:
            return
        mark = mark_of_copies(self.model)
        if mark != self._mark:
            self._mark, self.twin = mark, in_onednn(self.model)

    @property
    def rows_at_once(self) -> int:
        """The number of tokens to compute at once: a power of two that keeps a layer busy.

        More tokens would only delay the moment at which a search learns of a success.
        """
        if self._rows_at_once is None:
            layer = self._family.layer_modules(self.model)[0]
            a_row = 2 * sum(weight.numel() for weight in layer.parameters() if weight.ndim == 2)
            enough = LAYER_OPERATIONS.get(self.model.device.type, LAYER_OPERATIONS["cuda"])
            rows = max(SMALLEST_BATCH, enough / max(1, a_row))
            self._rows_at_once = min(LARGEST_BATCH, int(2 ** ceil(log2(rows))))
        return self._rows_at_once

    @rows_at_once.setter
    def rows_at_once(self, rows: int) -> None:
        self._rows_at_once = rows

    @cached_property
    def _in_onednn(self) -> bool:
        """True if the engine multiplies in oneDNN."""
        return self.precision == "float32" and onednn_is_faster() and can_use_onednn(self.model)

    def logits(self, asked: Sequence[tuple[SequenceCache, Structure]]) -> Tensor:
        """Logits of (sequence, structure) pairs, float32 (B, C), on the CPU."""
        with torch.inference_mode(), autocast(self.model, self.precision):
            return torch.cat([self._evaluate(part) for part in self._portions(asked)])

    def _portions(
        self, asked: Sequence[tuple[SequenceCache, Structure]]
    ) -> Iterator[Sequence[tuple[SequenceCache, Structure]]]:
        tokens = max((structure.shape.tokens for _, structure in asked), default=1)
        matrix_row = self._heads * tokens * torch.float32.itemsize
        rows = min(self.rows_at_once, ATTENTION_BYTES // matrix_row)
        size = max(1, rows // tokens)
        for start in range(0, len(asked), size):
            yield asked[start : start + size]

    def _evaluate(self, asked: Sequence[tuple[SequenceCache, Structure]]) -> Tensor:
        layers = self._family.layer_modules(self.twin)
        nodes = [cache.root for cache, _ in asked]
        names = _Names()
        grown = 0
        for depth, layer in enumerate(layers[:-1]):
            masks = [structure.cells_of_layer(depth) for _, structure in asked]
            keys = [names.key(own) for own in masks]
            grown += self._grow(layer, nodes, keys, masks)
            nodes = [node.after[key] for node, key in zip(nodes, keys, strict=True)]
        masks = [_seen(structure) for _, structure in asked]
        keys = [names.key(own) for own in masks]
        self._read(layers[-1], nodes, keys, masks)
        logits = torch.stack([node.logits[key] for node, key in zip(nodes, keys, strict=True)])
        _forget({cache for cache, _ in asked}, grown)
        return logits

    def _grow(
        self, layer: nn.Module, nodes: list[Node], keys: list[Key], masks: list[Masks]
    ) -> int:
        """Computes the missing nodes after a layer, and returns the bytes that they take."""
        missing = {
            (id(node), key): (node, Branch(node.state, own))
            for node, key, own in zip(nodes, keys, masks, strict=True)
            if key not in node.after
        }
        if not missing:
            return 0
        branches = [branch for _, branch in missing.values()]
        states = advance(self._parts, layer, self._heads, branches)
        for ((_, key), (node, _)), state in zip(missing.items(), states, strict=True):
            node.after[key] = Node(state)
        tables = {id(state.table): state.table for state in states}.values()
        self.token_layers += sum(len(table) for table in tables)
        return sum(table.nbytes for table in tables)

    def _read(
        self, layer: nn.Module, nodes: list[Node], keys: list[Key], masks: list[Masks]
    ) -> None:
        """Computes the missing logits after the last layer."""
        missing = {
            (id(node), key): (node, Branch(node.state, own))
            for node, key, own in zip(nodes, keys, masks, strict=True)
            if key not in node.logits
        }
        if not missing:
            return
        branches = [branch for _, branch in missing.values()]
        hidden = first_token(self._parts, layer, self._heads, branches)
        logits = self._head(self.twin, hidden[:, None]).float().cpu()
        for ((_, key), (node, _)), own in zip(missing.items(), logits, strict=True):
            node.logits[key] = own
        self.token_layers += len(branches)


def _forget(runs: set[SequenceCache], grown: int) -> None:
    """Bounds what the runs that grew together keep."""
    for run in runs:
        run.kept_bytes += grown // len(runs)
        if run.kept_bytes > KEPT_BYTES // len(runs):
            run.forget()


class _Names:
    """Makes dictionary keys of masks; each array, which structures share, becomes bytes once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Cells, bytes]] = {}

    def key(self, masks: Masks) -> Key:
        return tuple((head, self._name(cells)) for head, cells in masks)

    def _name(self, cells: Cells) -> bytes:
        known = self._known.get(id(cells))
        if known is None:
            known = self._known[id(cells)] = cells, cells.tobytes()
        return known[1]


def _seen(structure: Structure) -> Masks:
    """Returns the masks of the first token in the last layer, as no other token is read there."""
    shape = structure.shape
    first = ((head, c[c < shape.tokens]) for head, c in structure.cells_of_layer(shape.layers - 1))
    return tuple((head, cells) for head, cells in first if len(cells))
