"""A task: one checkpoint under one attack with one seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..recipe_fields import NamedAttack


@dataclass(frozen=True)
class Task:
    """One checkpoint under one attack with one seed.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.
        attack: the attack and its options.
        seed: the seed of all random draws of the attack.
        source: for a transfer, the cell of the source, whose rows are scored, and the identity of
            the source by name; None for an adaptive attack.
        key: everything that the rows depend on, as `Worker.key` returned it when the run began.
    """

    checkpoint: str
    attack: NamedAttack
    seed: int
    source: tuple[str, Mapping[str, Any]] | None = None
    key: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source_key(self) -> dict[str, Any]:
        """The names of the source, on which the rows of a transfer depend."""
        if self.source is None:
            return {}
        cell, victim = self.source
        return {"source": victim, "source cell": cell}
