"""Lower layers: what they give for a clean text, kept, and given again instead of computed.

A structure changes nothing below its first masked layer. There, layers of any family answer with
what they gave when nothing was masked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from ..forwards import Forward, changed_forwards

Outputs = list[Any]
"""What layers gave for one sequence, from the first on: tensors, or tuples of such."""


def recorded(layers: Sequence[nn.Module], run: Callable[[], object]) -> Outputs:
    """What the layers give while a model runs.

    Args:
        layers: in the order in which they run.
        run: calls the model, once.
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
    """Inside, the lowest layers give what was recorded, for every row of a batch.

    Args:
        layers: in the order in which they run.
        outputs: of as many of them as shall not be computed.
        rows: of the batch.
    """

    def for_every_row(output: Tensor) -> Tensor:
        return output.expand(rows, *output.shape[1:])

    def giving(position: int) -> Callable[[Forward], Forward]:
        output = tree_map_only(Tensor, for_every_row, outputs[position])
        return lambda forward: lambda *args, **kwargs: output

    return changed_forwards(layers, {at: giving(at) for at in range(len(outputs))})
