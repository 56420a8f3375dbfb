"""Batches: which texts may stand in one, so that each gets the result that it has alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from torch import Tensor
from transformers import PreTrainedModel

T = TypeVar("T")
Group = list[int]
"""Positions of texts."""


def groups_of(model: PreTrainedModel, inputs: Mapping[str, Tensor], padding: int) -> list[Group]:
    """Positions of rows that may be evaluated together, by a model that reads their last end token.

    It takes the rows of one batch only if they have equally many such tokens. Where padding is one,
    too, a row is read right without padding only.

    Args:
        model: the classifier.
        inputs: the rows, each (B, T).
        padding: the token that rows are padded with.
    """
    end = model.config.eos_token_id
    lengths = inputs["attention_mask"].sum(1).tolist()
    ends = ((inputs["input_ids"] == end) & inputs["attention_mask"].bool()).sum(1).tolist()
    groups: dict[tuple[int, int], Group] = defaultdict(list)
    for row in range(len(ends)):
        groups[ends[row], lengths[row] if padding == end else 0].append(row)
    return list(groups.values())


def evaluated(groups: Iterable[Group], evaluate: Callable[[Group], Iterable[T]]) -> list[T]:
    """The results of texts in their order, each group evaluated by itself."""
    found: dict[int, T] = {}
    for group in groups:
        found.update(zip(group, evaluate(group), strict=True))
    return [found[position] for position in range(len(found))]
