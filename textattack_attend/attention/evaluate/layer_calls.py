"""The arguments with which a model calls its layers for one text, for any number of equal rows.

Each family hands other arguments to its layers: masks, rotations, position biases. They depend on
the text, not on its structures, so they are recorded once; what grows with the batch is found by a
comparison of a batch of one row with a batch of two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from ..forwards import Forward, changed_forwards
from ..hidden_states import input_of
from .lower_layers import Outputs, for_rows

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class LayerCall:
    """The arguments of one layer's call, and how each grows with the number of rows.

    Args:
        leaves: the arguments for one row, flattened.
        grows: for each of them, the dimension that grows with the rows; None for none.
        spec: how the arguments are put together again.
        hidden: the position of the hidden states among the leaves.
        encoder: the position of what the encoder gave among the leaves; None for no decoder.
    """

    leaves: Sequence[Any]
    grows: Sequence[int | None]
    spec: TreeSpec
    hidden: int
    encoder: int | None = None

    @property
    def hidden_states(self) -> Tensor:
        """The hidden states of the clean text before the layer, (1, T, D)."""
        hidden: Tensor = self.leaves[self.hidden]
        return hidden

    def arguments(self, hidden: Tensor, encoder: Tensor | None = None) -> Arguments:
        """Returns the arguments for hidden states, and other ones of the encoder, (n, T, D)."""
        leaves = [
            leaf if dimension is None else _repeated(leaf, dimension, len(hidden))
            for leaf, dimension in zip(self.leaves, self.grows, strict=True)
        ]
        leaves[self.hidden] = hidden
        if encoder is not None:
            assert self.encoder is not None, "the layer reads no encoder"
            leaves[self.encoder] = encoder
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
    one: list[Arguments] = []
    two: list[Arguments] = []

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
    calls = [_compared(*own) for own in zip(layers, one, two, strict=True)]
    return LayerCalls(calls, outputs)


def recorded_arguments(layer: nn.Module, output: Any, run: Callable[[], object]) -> Arguments:
    """Returns the arguments with which a model calls a layer once, which gives a known output."""
    seen: list[Arguments] = []

    def replaying(forward: Forward) -> Forward:
        def keep(*args: Any, **kwargs: Any) -> Any:
            seen.append((args, kwargs))
            return output

        return keep

    with changed_forwards([layer], {0: replaying}):
        run()
    (arguments,) = seen
    return arguments


def encoder_states_of(layer: nn.Module, arguments: Arguments) -> Tensor | None:
    """Returns what the encoder gave among the arguments of a decoder's layer; None if nothing."""
    bound = signature(layer.forward).bind(*arguments[0], **arguments[1]).arguments
    found: Tensor | None = bound.get("encoder_hidden_states")
    return found


def _compared(layer: nn.Module, one: Arguments, two: Arguments) -> LayerCall:
    leaves, spec = tree_flatten(one)
    more, _ = tree_flatten(two)
    hidden, encoder = input_of(*one), encoder_states_of(layer, one)
    (position,) = [at for at, leaf in enumerate(leaves) if leaf is hidden]
    of_encoder = [at for at, leaf in enumerate(leaves) if leaf is encoder is not None]
    grows = [_grows(a, b) for a, b in zip(leaves, more, strict=True)]
    return LayerCall(leaves, grows, spec, position, of_encoder[0] if of_encoder else None)


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
