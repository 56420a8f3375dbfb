"""SST-2: lines of sentence<TAB>label without a header; on the hub, those two columns."""

from __future__ import annotations

from typing import Any

from ..cells import require_class, require_text
from .registry import PUBLISHED, Example, PublishedSet, lines


def _example(entry: Any, place: str) -> Example:
    if isinstance(entry, dict):
        sentence, label = entry["sentence"], entry["label"]
    else:
        sentence, tab, label = entry.rpartition("\t")
        if not tab:
            raise ValueError("no tab")
    if label == "label":
        raise ValueError("the names of columns: read it as a table, as PATH^sentence,label")
    return (require_text(sentence, place),), require_class(label, (), place)


sst2 = PUBLISHED.register(
    "sst2",
    PublishedSet(
        lines,
        _example,
        "sentence<TAB>label",
        files=("train.tsv", "dev.tsv"),
        label_names=("negative", "positive"),
    ),
)
