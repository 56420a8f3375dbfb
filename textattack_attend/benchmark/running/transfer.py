"""Scores a victim on what an attack found on another victim (transfer)."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from textattack.datasets import Dataset

from ...attacks.goals import require_label
from ...attacks.structured_text import attacked_text
from ...attention import shape_of
from ...errors import InvalidInputError, StructureMismatchError
from ...models.wrappers import AttentionModelWrapper
from ...process.containment import contained
from ...structures import decode
from ..row import Row


def scores(
    wrapper: AttentionModelWrapper,
    dataset: Dataset,
    found: Mapping[int, Row],
    error: Callable[[int, Exception], Row],
) -> Iterator[Row]:
    """Yields the score of a victim on each example, or the row of an error.

    Args:
        wrapper: the victim.
        dataset: the examples, whose labels count the classes as the victim does.
        found: the rows of the source by their positions.
        error: a function that makes the row of an example whose score raises an error.

    Raises:
        StructureMismatchError: structures were found on a model of another shape.
    """
    _require_shape(wrapper, found)
    for position, own in found.items():
        try:
            with contained():
                columns, label = dataset[position]
                row = scored(wrapper, columns, label, own)
        except Exception as raised:  # the data set, the tokenizer or the model may raise any
            row = error(position, raised)
        yield row


def scored(
    wrapper: AttentionModelWrapper,
    columns: Mapping[str, str],
    label: Any,
    found: Row,
) -> Row:
    """Scores a victim on an example, as it is and as an attack on another victim left it.

    Skipped and failed examples of the source stay in, as in the paper's Table 7: the text that was
    tested last is scored. Nothing is searched, so no query is counted.

    Args:
        wrapper: the victim.
        columns: the texts of the example, by column.
        label: the class of the example, as the victim counts classes.
        found: the row of the source.

    Raises:
        InvalidInputError: the source has no answer, the victim cannot be attacked on the text, or
            the changed text has other columns.
        StructureMismatchError: the victim reads the text as another number of tokens than the
            source, so that the structure does not fit.
    """
    began = time.perf_counter()
    if found.perturbed is None:
        raise InvalidInputError(
            f"the source: expected what the attack found, got an error ({found.error})"
        )
    victim, text = wrapper.victim, attacked_text(OrderedDict(columns))
    require_label(label, victim.num_classes(text.tokenizer_input))
    victim.memory.require(victim.empty_structure(text.tokenizer_input).shape)
    changed = attacked_text(_columns_of(found.perturbed, columns))
    structure = None if found.masked is None else decode(found.masked)
    before = victim.logits_alone(text.tokenizer_input).softmax(0)
    after = victim.logits_alone(changed.tokenizer_input, structure).softmax(0)
    label, was, became = int(label), int(before.argmax()), int(after.argmax())
    return Row(
        found.position,
        _outcome(was == label, became == label),
        label,
        time.perf_counter() - began,
        text.text,
        perturbed=changed.text,
        before=was,
        after=became,
        confidence_before=float(before[label]),
        confidence_after=float(after[label]),
    )


def _require_shape(wrapper: AttentionModelWrapper, found: Mapping[int, Row]) -> None:
    """Refuses structures that were found on a model of other layers or heads."""
    victim = wrapper.victim
    structures = (decode(row.masked).shape for row in found.values() if row.masked is not None)
    its = next(structures, None)  # all are of one source
    if its is None:
        return
    own = shape_of(victim.model, its.tokens, its.first_is_special, victim.cross_attention)
    if (own.layers, own.heads) != (its.layers, its.heads):
        raise StructureMismatchError(
            f"expected structures of {own.layers} layers of {own.heads} heads, got those of a "
            f"source of {its.layers} layers of {its.heads}"
        )


def _outcome(was_right: bool, is_right: bool) -> str:
    if was_right:
        return "failed" if is_right else "succeeded"
    return "corrected" if is_right else "skipped"


def _columns_of(text: str, columns: Mapping[str, str]) -> OrderedDict[str, str]:
    """Splits a text, whose columns stand below each other, into its columns.

    Attacks on words change words within lines, so each column keeps its number of lines.
    """
    counts = {name: own.count("\n") + 1 for name, own in columns.items()}
    lines = iter(text.split("\n"))
    split = OrderedDict((name, "\n".join(_next(lines, count))) for name, count in counts.items())
    if next(lines, None) is not None or text.count("\n") + 1 != sum(counts.values()):
        raise InvalidInputError(
            f"the changed text: expected the {sum(counts.values())} lines of its columns "
            f"{', '.join(columns)}, got {text.count(chr(10)) + 1}"
        )
    return split


def _next(lines: Iterator[str], count: int) -> list[str]:
    return [line for _, line in zip(range(count), lines, strict=False)]
