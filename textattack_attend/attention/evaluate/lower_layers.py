"""Records the outputs of layers for a clean text, and replays those below the first masked layer.

A structure changes nothing below its first masked layer, so layers of any family can return there
what they returned when nothing was masked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from ..forwards import Forward, changed_forwards

Outputs = list[Any]
"""The outputs of layers for one sequence, from the first layer on: tensors, or tuples of them."""


def recorded(layers: Sequence[nn.Module], run: Callable[[], object]) -> Outputs:
    """Returns the outputs of layers while a model runs.

    Args:
        layers: the layers, in the order in which they run.
        run: a function that calls the model once.
    """
    outputs: Outputs = []

    def recording(forward: Forward) -> Forward:
        def forward_and_keep(*args: Any, **kwargs: Any) -> Any:
            outputs.append(forward(*args, **kwargs))
            return outputs[-1]

        return forward_and_keep

    with changed_forwards(layers, dict.fromkeys(range(len(layers)), recording)):
        run()
    return outputs


def given_again(
    layers: Sequence[nn.Module], outputs: Outputs, rows: int
) -> AbstractContextManager[None]:
    """Makes the lowest layers return recorded outputs for every row of a batch, in the context.

    Args:
        layers: the layers, in the order in which they run.
        outputs: the recorded outputs of the lowest layers; the other layers are computed.
        rows: the number of rows of the batch.
    """

    def giving(position: int) -> Callable[[Forward], Forward]:
        output = for_rows(outputs[position], rows)
        return lambda forward: lambda *args, **kwargs: output

    return changed_forwards(layers, {at: giving(at) for at in range(len(outputs))})


def for_rows(output: Any, rows: int) -> Any:
    """Returns an output for one row, (1, ...), as a view for so many rows."""
    return tree_map_only(Tensor, lambda own: own.expand(rows, *own.shape[1:]), output)
