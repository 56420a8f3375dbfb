"""What is known of one sequence: its clean states, and the structures evaluated so far."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ..capture import SequenceActivations
from .layer_calls import LayerCalls
from .lower_layers import Outputs
from .states import State

Key = tuple[tuple[int, bytes], ...]


class Node:
    """A state, and the results computed from it: nodes, or logits (C,) after the last layer."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.after: dict[Key, Node] = {}
        self.logits: dict[Key, Tensor] = {}


class SequenceCache:
    """The results known for one sequence: its clean pass, and structures evaluated so far.

    Args:
        clean: the activations of the sequence when nothing is masked.

    Attributes:
        tokens: the number of tokens.
        inputs: the model's input tensors by name, each (T,).
        path: the clean sequence before every layer; empty where the engine cannot be used.
        outputs: the layers' outputs for the clean sequence, once `WholeModel` has recorded them.
        calls: the arguments of the layers' calls, once `OwnLayers` has recorded them.
        read_token: the position of the token that the head reads, once `RowLayers` has found it.
    """

    outputs: Outputs
    calls: LayerCalls | None = None
    read_token: int | None = None

    def __init__(self, clean: SequenceActivations) -> None:
        self.tokens = clean.tokens
        self.inputs = clean.inputs
        self.outputs = []
        rows, changed = np.arange(self.tokens), np.zeros(self.tokens, np.bool_)
        self.path = [Node(State(hidden, rows, changed)) for hidden in clean.hidden[:-1]]
        self.clean_logits = clean.logits.float().cpu()
        self.forget()

    @classmethod
    def from_embeddings(cls, clean: SequenceActivations) -> SequenceCache:
        """A run that knows nothing but its embeddings, so that even the clean text is computed."""
        run = cls(clean)
        run.path = [Node(node.state) for node in run.path[:1]]
        return run

    @property
    def root(self) -> Node:
        """The text before the first layer."""
        return self.path[0]

    def clean_after(self, depth: int) -> State | None:
        """Returns the clean text after a layer; None if it is not known."""
        return self.path[depth + 1].state if depth + 1 < len(self.path) else None

    def forget(self) -> None:
        """Keeps nothing but the clean text."""
        self.kept_bytes = 0
        if not self.path:
            return
        for node, after in zip(self.path, self.path[1:], strict=False):
            node.after = {(): after}
        self.path[-1].logits = {(): self.clean_logits}
