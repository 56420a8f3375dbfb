"""Trains on rows that are read under structures of their own, which ADA finds by attacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...attention import masked_where, shape_of
from .defense_trainer import DefenseTrainer
from .options import ADA

MASKED = "masked"
"""The column that lists, for every sequence of a row, the masked units as flat indices into its
(L, H, T, T)."""


class MaskedRowsTrainer(DefenseTrainer[ADA]):
    """Trains as usual; rows of the column ``masked`` are read with their units masked."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.data_collator = _Beside(self.data_collator)

    def defended_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains on a batch with each row under its own structure, and returns the loss."""
        masked = inputs.get(MASKED, ())
        if not any(map(len, masked)):
            return self.plain_step(model, inputs, items)
        inputs = self._prepare_inputs(inputs)
        with masked_where(self.bare(model), self._masks(model, inputs, inputs[MASKED])):
            return self.plain_step(model, inputs, items)

    def plain_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains on a batch with nothing masked, and returns the loss."""
        seen = {name: rows for name, rows in inputs.items() if name != MASKED}
        return super().plain_step(model, seen, items)

    def _masks(
        self, model: nn.Module, inputs: Mapping[str, Tensor], masked: Sequence[Tensor]
    ) -> list[Tensor]:
        """Returns the mask of every layer, bool (B, H, T, T), true where a unit is masked."""
        real = inputs["attention_mask"].flatten(0, -2)
        rows, tokens = real.shape
        layers, heads, *_ = shape_of(self.bare(model), tokens).size
        size = (layers, rows, heads, tokens, tokens)
        masks = torch.zeros(size, dtype=torch.bool, device=real.device)
        starts = real.argmax(-1).tolist()  # padding may come first
        owns = real.sum(-1).tolist()
        for row, (units, start, own) in enumerate(zip(masked, starts, owns, strict=True)):
            layer, head, query, key = torch.unravel_index(units, (layers, heads, own, own))
            masks[layer, row, head, query + start, key + start] = True
        return list(masks)

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()  # type: ignore[no-untyped-call]
        self._signature_columns: Any = [*(self._signature_columns or ()), MASKED]


class _Beside:
    """A collator that adds the masked units of rows to a batch without padding them."""

    def __init__(self, collator: Callable[[list[dict[str, Any]]], Any]) -> None:
        self._collator = collator

    def __call__(self, rows: list[dict[str, Any]]) -> Any:
        masked = [torch.tensor(m, dtype=torch.long) for row in rows for m in row.get(MASKED, ())]
        others = [{name: v for name, v in row.items() if name != MASKED} for row in rows]
        batch = self._collator(others)
        if masked:
            batch[MASKED] = masked
        return batch
