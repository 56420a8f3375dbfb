"""Makes the rows of reports, with units that were masked by hand."""

from __future__ import annotations

import itertools
import json
from typing import Any

from textattack_attend.benchmark.row import Row

NASTY = "<script>window.stolen = 1</script><img src=x onerror='window.stolen = 1'> & \"quotes\""
MASKED = {
    (0, 1): [(1, 2), (2, 1)],
    (1, 0): [(1, 1)],
}
ATTACKS = {
    "1%": {"recipe": "hackattend"},
    "0.1%": {"recipe": "hackattend", "options": {"mask_fraction": 0.001}},
    "words": {"recipe": "deepwordbug"},
}


def packed(matrices: dict[tuple[int, int], list[tuple[int, int]]], tokens: int = 4) -> str:
    """Masked units as rows hold them, written by hand."""
    steps = []
    for matrix, pairs in matrices.items():
        cells = sorted(query * tokens + key for query, key in pairs)
        steps.append([*matrix, [b - a for a, b in itertools.pairwise([0, *cells])]])
    return json.dumps({"shape": [2, 2, tokens], "matrices": steps})


def judged(position: int, outcome: str, text: str = "", **fields: Any) -> Row:
    """A row with what every judged one has."""
    text = text or f"text {position}"
    given: dict[str, Any] = {"perturbed": text, "before": 0, "after": 0, "queries": 3}
    given |= {"confidence_before": 0.9, "confidence_after": 0.4}
    return Row(position, outcome, 0, 0.5, text, **(given | fields))


def flipped(position: int, text: str = "") -> Row:
    """A success of an attack on attention."""
    tokens = json.dumps(["[CLS]", "<b>a</b>", "film", "[SEP]"])
    return judged(
        position,
        "succeeded",
        text,
        after=1,
        candidate_queries=1,
        hamming=1.5,
        matrices=2,
        masked=packed(MASKED),
        tokens=tokens,
    )
