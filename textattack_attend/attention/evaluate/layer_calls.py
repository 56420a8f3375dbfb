"""The arguments with which a model calls its layers for one text, for any number of equal rows.

Each family hands other arguments to its layers: masks, rotations, position biases. They depend on
the text, not on its structures, so they are recorded once; what grows with the batch is found by a
comparison of a batch of one row with a batch of two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from ..forwards import Forward, changed_forwards
from ..hidden_states import input_of
from .lower_layers import Outputs, for_rows


@dataclass(frozen=True)
class LayerCall:
    """The arguments of one layer's call, and how each grows with the number of rows.

    Args:
        leaves: the arguments for one row, flattened.
        grows: for each of them, the dimension that grows with the rows; None for none.
        spec: how the arguments are put together again.
        hidden: the position of the hidden states among the leaves.
    """

    leaves: Sequence[Any]
    grows: Sequence[int | None]
    spec: TreeSpec
    hidden: int

    def arguments(self, hidden: Tensor) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Returns the arguments for hidden states (n, T, D)."""
        leaves = [
            leaf if dimension is None else _repeated(leaf, dimension, len(hidden))
            for leaf, dimension in zip(self.leaves, self.grows, strict=True)
        ]
        leaves[self.hidden] = hidden
        args, kwargs = tree_unflatten(leaves, self.spec)
        return args, kwargs


@dataclass(frozen=True)
class LayerCalls:
    """The calls of all layers for one text, and what the layers gave for it, for one row."""

    calls: Sequence[LayerCall]
    outputs: Outputs


Run = Callable[[int], object]
"""A function that runs the model on a number of equal rows of the text."""


def recorded_calls(layers: Sequence[nn.Module], run: Run) -> LayerCalls:
    """Records the calls of layers for a text.

    Args:
        layers: the layers, in the order in which they run.
        run: a function that runs the model on a number of equal rows of the text.
    """
    outputs: Outputs = []
    one, two = [], []

    def computing(forward: Forward) -> Forward:
        def forward_and_keep(*args: Any, **kwargs: Any) -> Any:
            one.append((args, kwargs))
            outputs.append(forward(*args, **kwargs))
            return outputs[-1]

        return forward_and_keep

    def replaying(forward: Forward) -> Forward:
        def keep(*args: Any, **kwargs: Any) -> Any:
            two.append((args, kwargs))
            return for_rows(outputs[len(two) - 1], 2)

        return keep

    every = range(len(layers))
    with changed_forwards(layers, dict.fromkeys(every, computing)):
        run(1)
    with changed_forwards(layers, dict.fromkeys(every, replaying)):
        run(2)
    return LayerCalls([_compared(*pair) for pair in zip(one, two, strict=True)], outputs)


def _compared(one: Any, two: Any) -> LayerCall:
    leaves, spec = tree_flatten(one)
    more, _ = tree_flatten(two)
    hidden = input_of(*one)
    (position,) = [at for at, leaf in enumerate(leaves) if leaf is hidden]
    grows = [_grows(a, b) for a, b in zip(leaves, more, strict=True)]
    return LayerCall(leaves, grows, spec, position)


def _grows(one: Any, two: Any) -> int | None:
    """Returns the first dimension in which a tensor for two rows is twice as large."""
    if not isinstance(one, Tensor):
        return None
    sizes = enumerate(zip(one.shape, two.shape, strict=True))
    return next((dimension for dimension, (a, b) in sizes if b == 2 * a), None)


def _repeated(leaf: Tensor, dimension: int, rows: int) -> Tensor:
    """Repeats a tensor along a dimension, as a view where that is possible."""
    if leaf.shape[dimension] == 1:
        size = [-1] * leaf.ndim
        size[dimension] = rows
        return leaf.expand(size)
    times = [1] * leaf.ndim
    times[dimension] = rows
    return leaf.repeat(times)
