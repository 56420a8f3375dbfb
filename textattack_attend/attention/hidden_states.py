"""Records the hidden states that layers read, and those that the last one gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from .forwards import Forward, changed_forwards


def input_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Returns the hidden states among the arguments of a layer's call."""
    hidden: Tensor = args[0] if args else kwargs["hidden_states"]
    return hidden


def hidden_of(output: Any) -> Tensor:
    """Returns the hidden states in the output of a layer: a tensor, or the first of a tuple."""
    hidden: Tensor = output if isinstance(output, Tensor) else output[0]
    return hidden


def with_hidden(output: Any, hidden: Tensor) -> Any:
    """Returns the output of a layer with other hidden states."""
    return hidden if isinstance(output, Tensor) else (hidden, *output[1:])


@contextmanager
def recorded_hidden_states(layers: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """Records hidden states inside the context: before every layer, and after the last one.

    The record of transformers is not used: it leaves hooks that cannot be pickled, and what it
    has of the last layer is normalised in some families.

    Args:
        layers: the layers, in the order in which they run.
    """
    states: list[Tensor] = []

    def recording(forward: Forward) -> Forward:
        def forward_and_keep(*args: Any, **kwargs: Any) -> Any:
            states.append(input_of(args, kwargs).detach())
            return forward(*args, **kwargs)

        return forward_and_keep

    def recording_last(forward: Forward) -> Forward:
        def forward_and_keep(*args: Any, **kwargs: Any) -> Any:
            output = recording(forward)(*args, **kwargs)
            states.append(hidden_of(output).detach())
            return output

        return forward_and_keep

    last = len(layers) - 1
    changes = {at: recording_last if at == last else recording for at in range(len(layers))}
    with changed_forwards(layers, changes):
        yield states
