"""Trains on rows that are read under structures of their own, which ADA finds by attacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...attention import masked_where, shape_of
from ...structures import Structure, decode
from .defense_trainer import DefenseTrainer
from .options import Defense

MASKED = "masked"
"""The column that holds the encoded structure of every sequence of a row; None masks nothing."""


class MaskedRowsTrainer(DefenseTrainer[Defense]):
    """Trains as usual; rows of the column ``masked`` are read with their units masked."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.data_collator = _Beside(self.data_collator)

    def defended_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains on a batch with each row under its own structure, and returns the loss."""
        masked = inputs.get(MASKED, ())
        if not any(masked):
            return self.plain_step(model, inputs, items)
        inputs = self._prepare_inputs(inputs)
        with masked_where(self.bare(model), self._masks(model, inputs, masked)):
            return self.plain_step(model, inputs, items)

    def plain_step(self, model: nn.Module, inputs: dict[str, Any], items: Any) -> Tensor:
        """Trains on a batch with nothing masked, and returns the loss."""
        seen = {name: rows for name, rows in inputs.items() if name != MASKED}
        return super().plain_step(model, seen, items)

    def _masks(
        self, model: nn.Module, inputs: Mapping[str, Tensor], masked: Sequence[Structure | None]
    ) -> list[Tensor]:
        """Returns the mask of every layer, bool (B, H, T, T), true where a unit is masked."""
        real = inputs["attention_mask"].flatten(0, -2)
        rows, tokens = real.shape
        layers, heads, *_ = shape_of(self.bare(model), tokens).size
        size = (layers, rows, heads, tokens, tokens)
        masks = torch.zeros(size, dtype=torch.bool, device=real.device)
        starts = real.argmax(-1).tolist()  # padding may come first
        for row, (structure, start) in enumerate(zip(masked, starts, strict=True)):
            if structure is not None:
                layer, head, query, key = torch.from_numpy(structure.units.T).to(real.device)
                masks[layer, row, head, query + start, key + start] = True
        return list(masks)

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()  # type: ignore[no-untyped-call]
        self._signature_columns: Any = [*(self._signature_columns or ()), MASKED]


class _Beside:
    """A collator that decodes the structures of rows; there is nothing to pad."""

    def __init__(self, collator: Callable[[list[dict[str, Any]]], Any]) -> None:
        self._collator = collator

    def __call__(self, rows: list[dict[str, Any]]) -> Any:
        masked = [m and decode(m) for row in rows for m in row.get(MASKED, ())]
        others = [{name: v for name, v in row.items() if name != MASKED} for row in rows]
        batch = self._collator(others)
        if masked:
            batch[MASKED] = masked
        return batch
