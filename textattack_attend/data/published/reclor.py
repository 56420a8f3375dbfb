"""ReClor: JSON, a list of objects with context, question, answers and label."""

from __future__ import annotations

from typing import Any

from ..cells import require_text, require_texts
from .registry import PUBLISHED, Example, PublishedSet, json_list, position_of


def _example(entry: Any, place: str) -> Example:
    answers = require_texts(entry["answers"], place)
    label = position_of(entry["label"], answers, place)
    context, question = (require_text(entry[name], place) for name in ("context", "question"))
    return (context, question, *answers), label


reclor = PUBLISHED.register(
    "reclor",
    PublishedSet(
        json_list,
        _example,
        "an object with context, question, answers and a label",
        files=("train.json", "val.json"),
        is_multiple_choice=True,
    ),
)
