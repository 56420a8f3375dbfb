"""The cache of one sequence: its clean states, and the structures evaluated so far."""

from __future__ import annotations

from collections.abc import Sequence

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


Step = tuple[Key, Node]
"""The masks of a layer, and the state after it."""


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
    _knows_root_only = False

    def __init__(self, clean: SequenceActivations) -> None:
        self.tokens = clean.tokens
        self.inputs = clean.inputs
        self.outputs = []
        self.clean_logits = clean.logits.float().cpu()
        self.follow(clean.hidden[:-1])

    @classmethod
    def from_embeddings(cls, clean: SequenceActivations) -> SequenceCache:
        """A run that knows nothing but its embeddings, so that even the clean text is computed."""
        run = cls(clean)
        run._knows_root_only = True
        run.follow([node.state.table for node in run.path])
        return run

    def follow(self, hidden: Sequence[Tensor]) -> None:
        """Takes the hidden states of the clean text before every layer, each (rows, D), as path."""
        self.path = [Node(State.of_clean_text(own)) for own in hidden]
        if self._knows_root_only:
            self.path = self.path[:1]
            self.kept_bytes = 0
        else:
            self.forget()

    @property
    def root(self) -> Node:
        """The text before the first layer."""
        return self.path[0]

    def batch(self, rows: int) -> dict[str, Tensor]:
        """Returns the model's inputs for equal rows of the sequence, each (rows, T, ...)."""
        return {name: own.repeat(rows, *[1] * own.ndim) for name, own in self.inputs.items()}

    def clean_after(self, depth: int) -> State | None:
        """Returns the clean text after a layer; None if it is not known."""
        return self.path[depth + 1].state if depth + 1 < len(self.path) else None

    def forget(self, path: Sequence[Step] = ()) -> None:
        """Keeps nothing but the clean text, and the states of one path.

        Args:
            path: the steps of a structure through all layers but the last.
        """
        self.kept_bytes = 0
        if not self.path:
            return
        for node, after in zip(self.path, self.path[1:], strict=False):
            node.after = {(): after}
        self.path[-1].logits = {(): self.clean_logits}
        before = self.root
        for key, node in path:
            before.after[key] = node
            if node not in self.path:
                node.after, node.logits = {}, {}
            before = node
