"""Evaluates structures by forward passes of models whose layers the engine cannot compute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ...structures import Structure
from ..families import family_of
from ..masking.injection import masked_attention
from ..precision import autocast, require_precision
from ..products import faster_products
from ..rows import run_rows
from .lower_layers import given_again, recorded
from .sequence_cache import SequenceCache

ROWS_AT_ONCE = 1024


class WholeModel:
    """Evaluates structures as the engine does, by forward passes of the model itself.

    The structures of a sequence are evaluated in batches, those with much in common together; below
    the first masked layer of a batch, layers replay their outputs for the clean sequence.

    Args:
        model: a model of a supported family, in eval mode.
        precision: the precision of the search; see `Engine`.

    Raises:
        InvalidInputError: the precision is unknown.

    Attributes:
        rows_at_once: the number of tokens to compute at once.
        token_layers: the number of hidden states, each of one token after one layer, computed.
        model: the model.
    """

    rows_at_once = ROWS_AT_ONCE

    def __init__(self, model: PreTrainedModel, precision: str = "float32") -> None:
        require_precision(precision)
        self.precision = precision
        self.model = model
        self.token_layers = 0
        self._family = family_of(model)

    def logits(self, asked: Sequence[tuple[SequenceCache, Structure]]) -> Tensor:
        """Computes the logits of (sequence, structure) pairs, float32 (B, C), on the CPU."""
        untouched = [self._untouched(structure) for _, structure in asked]
        found: dict[int, Tensor] = {}
        fast = faster_products(self.model, self.rows_at_once)
        with torch.inference_mode(), autocast(self.model, self.precision), fast:
            for part in self._parts([run for run, _ in asked], untouched):
                run, structures = asked[part[0]][0], [asked[at][1] for at in part]
                logits = self._evaluate(run, structures, untouched[part[0]])
                found.update(zip(part, logits, strict=True))
        return torch.stack([found[at] for at in range(len(asked))])

    def _parts(
        self, runs: Sequence[SequenceCache], untouched: Sequence[int]
    ) -> Iterator[list[int]]:
        """Yields positions to evaluate together: those of one run, the lowest layers first."""
        order = sorted(range(len(runs)), key=lambda at: (id(runs[at]), untouched[at]))
        for _, group in groupby(order, key=lambda at: id(runs[at])):
            of_a_run = list(group)
            size = max(1, self.rows_at_once // runs[of_a_run[0]].tokens)
            for start in range(0, len(of_a_run), size):
                yield of_a_run[start : start + size]

    def _untouched(self, structure: Structure) -> int:
        """Returns the number of lowest layers whose outputs the structure does not change."""
        if self._family.served_by is not None:  # a module that is left out would lose count
            return 0
        layers = structure.shape.layers
        above = len(self._family.all_layers(self.model)) - layers
        first = min(structure.layers, default=layers)
        # Layers of cross-attention are those of the decoder, which runs last.
        return above + first if structure.shape.crosses else first

    def _evaluate(
        self, run: SequenceCache, structures: Sequence[Structure], untouched: int
    ) -> Tensor:
        layers = self._family.all_layers(self.model)
        if untouched and not run.outputs:
            run.outputs = recorded(layers, lambda: run_rows(self.model, run.batch(1)))
        again = given_again(layers, run.outputs[:untouched], len(structures))
        with again, masked_attention(self.model, structures):
            logits: Tensor = run_rows(self.model, run.batch(len(structures))).logits
        self.token_layers += run.tokens * (len(layers) - untouched) * len(structures)
        return logits.float().cpu()
