"""From an attack's results to rows of the store."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from textattack.attack_results import AttackResult, SkippedAttackResult, SuccessfulAttackResult
from textattack.loggers.logger import Logger

from ..attack_results import StructureAttackResult
from .store import Row, Store


class Recorder(Logger):
    """Writes every result as a row, as soon as TextAttack's attacker has it.

    Args:
        store: where rows go.
        cell: that they belong to.
        positions: of the examples in the order of their results; each leaves as its row is written.
    """

    def __init__(self, store: Store, cell: str, positions: deque[int]) -> None:
        self._store = store
        self._cell = cell
        self._positions = positions
        self._since = time.perf_counter()

    def log_attack_result(self, result: AttackResult, examples_completed: Any = None) -> None:
        """TextAttack's hook."""
        now = time.perf_counter()
        row = row_of(self._positions[0], result, now - self._since)
        self._store.add(self._cell, row)
        self._positions.popleft()
        self._since = now


def row_of(position: int, result: AttackResult, seconds: float) -> Row:
    """What a row says of a result.

    Args:
        position: of the example.
        result: of the attack.
        seconds: that it took.
    """
    original = result.original_result.attacked_text
    perturbed = result.perturbed_result.attacked_text
    row: dict[str, Any] = {}
    outcome = "failed"
    if isinstance(result, SkippedAttackResult):
        outcome = "skipped"
    elif isinstance(result, SuccessfulAttackResult):
        outcome = "succeeded"
    if isinstance(result, StructureAttackResult):
        row["candidate_queries"] = result.candidate_queries
        row["gradient_passes"] = result.gradient_passes
        if outcome == "succeeded":
            row["hamming"] = result.structure.hamming_distance
            row["matrices"] = len(result.structure.matrices)
    elif outcome == "succeeded":
        changed = original.all_words_diff(perturbed)
        row["perturbed_words"] = len(changed) / max(1, len(original.words))
    return Row(
        position,
        outcome,
        int(result.original_result.ground_truth_output),
        seconds,
        original.text,
        perturbed=perturbed.text,
        queries=result.num_queries,
        **row,
    )
