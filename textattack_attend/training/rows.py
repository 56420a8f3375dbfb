"""Converts the rows of a training, with those that a defense adds, to token ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..attention import shape_of
from ..data.published import Example
from ..data.texts import Text
from ..errors import StructureMismatchError
from ..process.progress import say
from ..structures import encode
from ..victims.encoding import Inputs
from ..victims.inputs import inputs_of
from ..victims.prompt import prompt_of
from .defenses import ExtraRow
from .defenses.masked_rows import MASKED
from .start import require_known_tokens
from .tasks import Task

LENGTH = "length"
"""The column that holds the number of tokens of a row's longest sequence."""


def encoded(
    rows: list[Example], task: Task, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> Any:
    """Returns a data set with the token ids of every row: one sequence, or one for every choice.

    Args:
        rows: the examples.
        task: the task, which says whether an example has choices, and how long a sequence may be.
        tokenizer: the model's tokenizer.
        model: the model to train.

    Raises:
        InvalidInputError: the model has no embedding for a token, or a text cannot be encoded.
    """
    inputs = _inputs(task, tokenizer, model)
    by_row = [inputs.sequences(text) for text in _texts(rows)]
    tokens = inputs.tokenize([sequence for sequences in by_row for sequence in sequences])
    require_known_tokens(tokens["input_ids"], tokenizer, model)
    lengths = iter(map(len, tokens["input_ids"]))
    columns: dict[str, list[Any]] = {
        "label": [label for _, label in rows],
        LENGTH: [max(islice(lengths, len(sequences))) for sequences in by_row],
    }
    for name, every in tokens.items():
        rest = iter(every)
        by_choice = [list(islice(rest, len(sequences))) for sequences in by_row]
        columns[name] = by_choice if task.is_multiple_choice else every
    _say_cut(inputs, by_row, columns[LENGTH])
    return Dataset.from_dict(columns)


def _inputs(task: Task, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> Inputs:
    choice_encoding = task.choice_encoding if task.is_multiple_choice else None
    return inputs_of(tokenizer, task.max_tokens, choice_encoding, prompt_of(model.config))


def _texts(rows: list[Example]) -> list[Text]:
    return [parts if len(parts) > 1 else parts[0] for parts, _ in rows]


def _say_cut(inputs: Inputs, by_row: list[list[Text]], lengths: list[int]) -> None:
    """Says how many texts were cut, and where: at the end, in the context, in the longer part."""
    whole = [
        sequences
        for sequences, length in zip(by_row, lengths, strict=True)
        if length == inputs.max_tokens
    ]
    cut = Counter(
        " or the ".join(sorted(parts))
        for sequences in whole
        if (parts := _cut_parts(inputs, sequences))
    )
    if cut:
        counted = ", ".join(f"the {part} of {number}" for part, number in sorted(cut.items()))
        of, limit = len(by_row), inputs.max_tokens
        say(f"{cut.total()} of {of} texts were cut to {limit} tokens: {counted}")


def _cut_parts(inputs: Inputs, sequences: list[Text]) -> set[str]:
    """Names the parts of a text that were cut in one of its sequences."""
    return {
        inputs.cut_part(sequence)
        for sequence in sequences
        if inputs.length(sequence) > inputs.max_tokens
    }


def with_extra(
    rows: list[Example],
    extra: list[ExtraRow],
    task: Task,
    tokenizer: PreTrainedTokenizerBase,
    model: PreTrainedModel,
    columns: Callable[[list[Text], Inputs], dict[str, list[Any]]],
) -> Any:
    """Returns a data set of the training rows and those that a defense adds.

    The data set has a column with the units to mask, if the defense masks any.

    Args:
        rows: the training rows.
        extra: the rows that the defense adds.
        task: see `encoded`.
        tokenizer: see `encoded`.
        model: see `encoded`.
        columns: a function that makes the columns that a defense adds, see `Defense.columns`.

    Raises:
        InvalidInputError: the model has no embedding for a token, or a text cannot be encoded.
        StructureMismatchError: units were found on attention of another size.
    """
    every = rows + [(row.parts, row.label) for row in extra]
    whole = encoded(every, task, tokenizer, model)
    for name, values in columns(_texts(every), _inputs(task, tokenizer, model)).items():
        whole = whole.add_column(name, values)
    if not any(row.masked for row in extra):
        return whole
    read = whole["input_ids"][len(rows) :]
    for row, ids in zip(extra, read, strict=True):
        _require_fitting(row, ids if task.is_multiple_choice else [ids], model)
    nothing: list[str | None] = [None] * (len(rows[0][0]) - 2 if task.is_multiple_choice else 1)
    masked = [nothing] * len(rows) + [[*map(encode, row.masked)] or nothing for row in extra]
    return whole.add_column(MASKED, masked)


def _require_fitting(row: ExtraRow, sequences: list[list[int]], model: PreTrainedModel) -> None:
    """Refuses units that were found on attention of another size."""
    for masked, ids in zip(row.masked, sequences, strict=False):
        layers, heads, tokens, _ = shape_of(model, len(ids)).size
        attacked = masked.shape
        if attacked.size[:3] != (layers, heads, tokens):
            raise StructureMismatchError(
                f"{row.parts[0][:60]!r} was attacked on {attacked.layers} layers of "
                f"{attacked.heads} heads and {attacked.tokens} tokens, expected {layers} of "
                f"{heads} and {tokens}, as "
                "the model to train has: take a victim of its kind, and the same max_tokens"
            )
