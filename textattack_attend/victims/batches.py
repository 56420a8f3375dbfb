"""Batches: which texts may stand in one, so that each gets the result that it has alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from torch import Tensor
from transformers import PreTrainedModel

T = TypeVar("T")
Group = list[int]
"""The positions of texts that share a batch."""


def groups_of(model: PreTrainedModel, inputs: Mapping[str, Tensor], padding: int) -> list[Group]:
    """Groups rows that may be evaluated together by a model that reads their last end token.

    Such a model accepts a batch only if its rows have equally many end tokens. If padding is an end
    token as well, the model reads a row correctly only without padding.

    Args:
        model: the classifier.
        inputs: the rows, each (B, T).
        padding: the id of the token that rows are padded with.
    """
    end = model.config.eos_token_id
    lengths = inputs["attention_mask"].sum(1).tolist()
    ends = ((inputs["input_ids"] == end) & inputs["attention_mask"].bool()).sum(1).tolist()
    groups: dict[tuple[int, int], Group] = defaultdict(list)
    for row in range(len(ends)):
        groups[ends[row], lengths[row] if padding == end else 0].append(row)
    return list(groups.values())


def groups_by_length(inputs: Mapping[str, Tensor]) -> list[Group]:
    """Groups rows that need no padding together.

    Args:
        inputs: the rows, each (B, T).
    """
    groups: dict[int, Group] = defaultdict(list)
    for row, length in enumerate(inputs["attention_mask"].sum(1).tolist()):
        groups[length].append(row)
    return list(groups.values())


def evaluated(groups: Iterable[Group], evaluate: Callable[[Group], Iterable[T]]) -> list[T]:
    """Evaluates each group by itself, and returns the results in the order of the texts."""
    found: dict[int, T] = {}
    for group in groups:
        found.update(zip(group, evaluate(group), strict=True))
    return [found[position] for position in range(len(found))]
