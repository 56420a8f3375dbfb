"""A row: what became of one example."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from textattack.attack_results import AttackResult, SkippedAttackResult, SuccessfulAttackResult

from ..attack_results import StructureAttackResult
from ..structures import Structure

OUTCOMES = ("succeeded", "failed", "skipped", "error")


@dataclass(frozen=True)
class Row:
    """What became of an example.

    Args:
        position: in the data set.
        outcome: one of `OUTCOMES`; an example that is misclassified already is skipped.
        label: of the example.
        seconds: since the example before it was done; attacks that work side by side share theirs.
        text: of the example; its parts one a line.
        perturbed: the same as the attack left it.
        before: the class that the model predicts; None for an error, like all that follow.
        after: the same once it was attacked.
        confidence_before: the model's probability of the label.
        confidence_after: the same once it was attacked.
        queries: of the model, all.
        candidate_queries: structures that were tested up to the first success.
        gradient_passes: forward and backward.
        perturbed_words: share of the words that an attack on words changed, of a success.
        similarity: of the meaning before and after, in [-1, 1], of the same.
        hamming: masked units per perturbed matrix, of a success.
        matrices: with at least one masked unit, of a success.
        masked: the units of a success, as `packed` writes them.
        tokens: of the text, as a JSON list, of the same.
        error: what went wrong.
    """

    position: int
    outcome: str
    label: int
    seconds: float
    text: str
    perturbed: str | None = None
    before: int | None = None
    after: int | None = None
    confidence_before: float | None = None
    confidence_after: float | None = None
    queries: int | None = None
    candidate_queries: int | None = None
    gradient_passes: int | None = None
    perturbed_words: float | None = None
    similarity: float | None = None
    hamming: float | None = None
    matrices: int | None = None
    masked: str | None = None
    tokens: str | None = None
    error: str | None = None


def row_of(position: int, result: AttackResult, seconds: float) -> Row:
    """What a row says of a result.

    Args:
        position: of the example.
        result: of the attack.
        seconds: that it took.
    """
    original, final = result.original_result, result.perturbed_result
    label = int(original.ground_truth_output)
    own = _of_structure if isinstance(result, StructureAttackResult) else _of_words
    return Row(
        position,
        _outcome(result),
        label,
        seconds,
        original.attacked_text.text,
        perturbed=final.attacked_text.text,
        before=int(original.output),
        after=int(final.output),
        confidence_before=float(original.raw_output[label]),
        confidence_after=float(final.raw_output[label]),
        queries=result.num_queries,
        **own(result),
    )


def _outcome(result: AttackResult) -> str:
    if isinstance(result, SkippedAttackResult):
        return "skipped"
    return "succeeded" if isinstance(result, SuccessfulAttackResult) else "failed"


def _of_structure(result: StructureAttackResult) -> dict[str, Any]:
    counts = {
        "candidate_queries": result.candidate_queries,
        "gradient_passes": result.gradient_passes,
    }
    if not isinstance(result, SuccessfulAttackResult):
        return counts
    return {
        **counts,
        "hamming": result.structure.hamming_distance,
        "matrices": len(result.structure.matrices),
        "masked": packed(result.structure),
        "tokens": json.dumps(result.tokens, ensure_ascii=False),
    }


def _of_words(result: AttackResult) -> dict[str, Any]:
    if not isinstance(result, SuccessfulAttackResult):
        return {}
    original = result.original_result.attacked_text
    changed = original.all_words_diff(result.perturbed_result.attacked_text)
    return {"perturbed_words": len(changed) / max(1, len(original.words))}


def packed(structure: Structure) -> str:
    """A structure as JSON: its layers, heads and tokens, and for every perturbed matrix its layer,
    its head, and its cells, each ``query * tokens + key``, as differences from the one before.
    """
    shape = structure.shape
    matrices = [
        [layer, head, np.diff(structure.cells(layer, head), prepend=0).tolist()]
        for layer, head in structure.matrices
    ]
    whole = {"shape": [shape.layers, shape.heads, shape.tokens], "matrices": matrices}
    return json.dumps(whole, separators=(",", ":"))


def unpacked(masked: str) -> tuple[Sequence[int], dict[tuple[int, int], list[tuple[int, int]]]]:
    """Layers, heads and tokens, and the (query, key) that are masked in every (layer, head)."""
    whole = json.loads(masked)
    tokens = whole["shape"][2]
    matrices = {
        (layer, head): [divmod(cell, tokens) for cell in np.cumsum(steps).tolist()]
        for layer, head, steps in whole["matrices"]
    }
    return whole["shape"], matrices
