"""The engine computes the logits of many structures, and what they share only once.

Two structures of one text that mask the same units up to a layer have the same hidden states there.
So the structures of a text form a tree: its root is the text before the first layer, a node is a
state, and below it stand the branches that mask different units in the next layer. The clean text
is a path of this tree, known from the clean pass; the structures below it are computed layer by
layer, all branches at once (`branches`). What was computed stays until the text is done, or
until it takes too much memory.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from math import ceil, log2

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ...errors import UnsupportedModelError
from ...structures import Cells, Structure
from ..families import family_of
from ..family import Family
from ..precision import autocast, require_precision
from ..products import faster_products
from .branches import Branch, Masks
from .layers import Layers
from .own_layers import OwnLayers
from .row_layers import RowLayers
from .sequence_cache import Key, Node, SequenceCache, Step
from .stacked_layers import StackedLayers

LAYER_OPERATIONS = {"cpu": 1e10, "cuda": 5e11}
"""A layer that takes so many operations has enough rows: the overhead of a call is then negligible.

The number is fixed, not measured: batches that depend on timing change the last bits of results.
"""
SMALLEST_BATCH, LARGEST_BATCH = 2**8, 2**16
"""The fewest and the most tokens that the engine computes at once, if memory allows."""
ATTENTION_BYTES = 2**28
"""The most bytes that the attention of a batch may take."""
KEPT_BYTES = 2**26
"""The most bytes that the states of the texts of a batch may take. Beyond it only those of the last
structure of each text are kept, from which a search usually goes on."""


class Engine:
    """Evaluates structures on a model, layer by layer, and reuses what they have in common.

    Args:
        model: a model of a supported family, in eval mode.
        precision: "float32" for the model's own precision, or "bfloat16" or "float16" to compute
            under ``torch.autocast``.
        by_parts: whether to compute layers from the family's `EngineParts`, or by calling the
            layers themselves, which is slower and works for every family; None for parts if there
            are any.

    Raises:
        UnsupportedModelError: the model's layers cannot be called alone, or have no parts.
        InvalidInputError: the precision is unknown.

    Attributes:
        token_layers: the number of hidden states, each of one token after one layer, computed.
    """

    def __init__(
        self, model: PreTrainedModel, precision: str = "float32", by_parts: bool | None = None
    ) -> None:
        require_precision(precision)
        self.model = model
        self.precision = precision
        self.token_layers = 0
        self._family = family_of(model)
        known = self._family.engine is not None
        self.by_parts = known if by_parts is None else by_parts
        _require_layers(self._family, self.by_parts)
        self._heads = self._family.num_heads(model)
        self._rows_at_once: int | None = None

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

    def logits(self, asked: Sequence[tuple[SequenceCache, Structure]]) -> Tensor:
        """Logits of (sequence, structure) pairs, float32 (B, C), on the CPU."""
        fast = faster_products(self.model, self.rows_at_once)
        with torch.inference_mode(), autocast(self.model, self.precision), fast:
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

    def _layers(self, asked: Sequence[tuple[SequenceCache, Structure]]) -> Layers:
        """Returns what computes the layers for some texts."""
        if self.by_parts:
            return RowLayers(self.model, self._family, max(cache.tokens for cache, _ in asked))
        crosses = asked[0][1].shape.crosses
        if self._family.decoder is not None and not crosses:
            return StackedLayers(self.model, self._family)
        return OwnLayers(self.model, self._family, crosses)

    def _evaluate(self, asked: Sequence[tuple[SequenceCache, Structure]]) -> Tensor:
        layers = self._layers(asked)
        sequences = [cache for cache, _ in asked]
        for sequence in sequences:
            layers.begin(sequence)
        nodes = [cache.root for cache in sequences]
        paths: list[list[Step]] = [[] for _ in asked]
        names = _Names()
        grown = 0
        for depth in range(len(layers) - 1):
            masks = [structure.cells_of_layer(depth) for _, structure in asked]
            keys = [names.key(own) for own in masks]
            missing = _missing(nodes, keys, masks, sequences, lambda node: node.after)
            grown += _grow(layers, depth, missing)
            nodes = [node.after[key] for node, key in zip(nodes, keys, strict=True)]
            for path, step in zip(paths, zip(keys, nodes, strict=True), strict=True):
                path.append(step)
        last = [(cache, structure.cells_of_layer(len(layers) - 1)) for cache, structure in asked]
        masks = [layers.read_masks(*own) for own in last]
        keys = [names.key(own) for own in masks]
        _read(layers, _missing(nodes, keys, masks, sequences, lambda node: node.logits))
        logits = torch.stack([node.logits[key] for node, key in zip(nodes, keys, strict=True)])
        _forget(dict(zip(sequences, paths, strict=True)), grown)
        self.token_layers += layers.computed
        return logits


def _require_layers(family: Family, by_parts: bool) -> None:
    if not (family.engine is not None if by_parts else family.can_call_layers):
        raise UnsupportedModelError(
            f"the engine cannot compute the layers of {family.model_type!r}; expected "
            f"{'a family with engine parts' if by_parts else 'layers that can be called alone'}"
        )


Missing = dict[tuple[int, Key], tuple[Node, Branch]]
"""The results that are missing: by node and masks, the node and the branch below it."""


def _missing(
    nodes: Sequence[Node],
    keys: Sequence[Key],
    masks: Sequence[Masks],
    sequences: Sequence[SequenceCache],
    known: Callable[[Node], Container[Key]],
) -> Missing:
    return {
        (id(node), key): (node, Branch(sequence, node.state, own))
        for node, key, own, sequence in zip(nodes, keys, masks, sequences, strict=True)
        if key not in known(node)
    }


def _grow(layers: Layers, depth: int, missing: Missing) -> int:
    """Computes the missing nodes after a layer, and returns the bytes that they take."""
    if not missing:
        return 0
    states = layers.advance(depth, [branch for _, branch in missing.values()])
    for ((_, key), (node, _)), state in zip(missing.items(), states, strict=True):
        node.after[key] = Node(state)
    return sum(table.nbytes for table in {id(own.table): own.table for own in states}.values())


def _read(layers: Layers, missing: Missing) -> None:
    """Computes the missing logits after the last layer."""
    if not missing:
        return
    logits = layers.logits([branch for _, branch in missing.values()])
    for ((_, key), (node, _)), own in zip(missing.items(), logits, strict=True):
        node.logits[key] = own


def _forget(paths: Mapping[SequenceCache, list[Step]], grown: int) -> None:
    """Bounds what the sequences that grew together keep, beside the path of the last structure."""
    for sequence, path in paths.items():
        sequence.kept_bytes += grown // len(paths)
        if sequence.kept_bytes > KEPT_BYTES // len(paths):
            sequence.forget(path)


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
