"""Records the hidden states of a model without the hooks of transformers, which would stay on it.

From version 5 on, ``output_hidden_states=True`` leaves hooks behind that cannot be pickled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from .forwards import Change, Forward, changed_forwards


def input_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Returns the hidden states among the arguments of a layer's call."""
    hidden: Tensor = args[0] if args else kwargs["hidden_states"]
    return hidden


def hidden_of(output: Any) -> Tensor:
    """Returns the first tensor that a module answers: all of it, or the first of several."""
    if isinstance(output, Tensor):
        return output
    first: Tensor = next(iter(output.values())) if isinstance(output, dict) else output[0]
    return first


def with_hidden(output: Any, hidden: Tensor) -> Any:
    """Returns the output of a layer with other hidden states."""
    return hidden if isinstance(output, Tensor) else (hidden, *output[1:])


@contextmanager
def recorded_hidden_states(layers: Sequence[nn.Module]) -> Iterator[dict[int, Tensor]]:
    """Records what layers read and what the last one answers, while a model runs in the context.

    Args:
        layers: the layers, in the order in which they run; empty to record nothing.

    Yields:
        The hidden states (B, T, D), to be filled: before layer 0, 1, and so on, and after the last
        layer, before any norm behind it.
    """
    states: dict[int, Tensor] = {}

    def recording(position: int) -> Change:
        def change(forward: Forward) -> Forward:
            def forward_and_keep(*args: Any, **kwargs: Any) -> Any:
                states[position] = input_of(args, kwargs)
                output = forward(*args, **kwargs)
                states[position + 1] = hidden_of(output)
                return output

            return forward_and_keep

        return change

    with changed_forwards(layers, {at: recording(at) for at in range(len(layers))}):
        yield states


@contextmanager
def recorded_outputs(module: nn.Module) -> Iterator[list[Tensor]]:
    """Records the first tensor that a module answers in each call inside the context.

    Args:
        module: a module; a base model answers with its last hidden states, (B, T, D), first.

    Yields:
        The tensors, to be filled.
    """
    outputs: list[Tensor] = []

    def recording(forward: Forward) -> Forward:
        def forward_and_keep(*args: Any, **kwargs: Any) -> Any:
            output = forward(*args, **kwargs)
            outputs.append(hidden_of(output))
            return output

        return forward_and_keep

    with changed_forwards([module], {0: recording}):
        yield outputs
