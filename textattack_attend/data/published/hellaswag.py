"""HellaSwag: JSON lines with ctx, endings and label; there is no question."""

from __future__ import annotations

from typing import Any

from ..cells import require_text, require_texts
from .registry import PUBLISHED, Example, PublishedSet, json_lines, position_of


def _example(entry: Any, place: str) -> Example:
    endings = require_texts(entry["endings"], place)
    label = position_of(entry["label"], endings, place)
    return (require_text(entry["ctx"], place), "", *endings), label


hellaswag = PUBLISHED.register(
    "hellaswag",
    PublishedSet(
        json_lines,
        _example,
        "an object with ctx, endings and the label of one of them",
        files=("hellaswag_train.jsonl", "hellaswag_val.jsonl"),
        is_multiple_choice=True,
    ),
)
