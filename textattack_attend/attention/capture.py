"""Capture: what a forward pass did inside, and how a loss depends on its attention.

The attention of a long text takes hundreds of megabytes a layer. So a capture is shown layer by
layer, in the order in which the backward pass reaches the layers; whoever looks at a layer keeps
what it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..errors import UnsupportedModelError
from ..structures import Structure
from .families import family_of
from .heap import give_back_free_memory
from .hidden_states import recorded_hidden_states
from .masking.injection import masked_attention
from .recording import Recording, differentiate
from .rows import run_rows
from .softmax import softmax_modes

Loss = Callable[[Tensor], Tensor]
"""A function from the logits of one text, float (1, C), to the scalar that the attack raises."""
LONG = 2**20
"""Attention units of a layer, summed over the rows of a batch, above which memory is scarce."""
Visit = Callable[[int, "AttentionCapture"], None]
"""A function that takes the number of a layer and the layer's capture."""


@dataclass(frozen=True)
class AttentionCapture:
    """The attention of one forward pass over one text, in one layer or in all of them.

    Args:
        probabilities: attention after the softmax, float (H, T, T) of a layer, or (L, H, T, T).
        gradients: gradient of the loss with respect to them, same shape; None without a loss.
        scores: pre-softmax scores, before a structure masks any of them, same shape.
    """

    probabilities: Tensor
    gradients: Tensor | None
    scores: Tensor

    def of_queries(self, queries: slice) -> AttentionCapture:
        """Returns the capture of a range of queries; its tensors are views (..., queries, T)."""
        gradients = None if self.gradients is None else self.gradients[..., queries, :]
        return AttentionCapture(
            self.probabilities[..., queries, :], gradients, self.scores[..., queries, :]
        )

    @property
    def probability_gradients(self) -> Tensor:
        """The gradient of the loss at the probabilities, of the same shape."""
        if self.gradients is None:
            raise RuntimeError("captured without a loss: there are no gradients")
        return self.gradients

    @property
    def score_gradients(self) -> Tensor:
        """The gradient of the loss at the pre-softmax scores, of the same shape."""
        gradients = self.probability_gradients
        mean = (self.probabilities * gradients).sum(-1, keepdim=True)
        return self.probabilities * (gradients - mean)


@dataclass(frozen=True)
class SequenceActivations:
    """One row of a forward pass, without its padding.

    Args:
        inputs: the model's input tensors by name, each (T,).
        logits: the row's logits, float (C,), or (1,) if the row is one of several choices.
        hidden: hidden states before every layer and after the last, each (T, D); empty if the
            engine cannot use them.
    """

    inputs: Mapping[str, Tensor]
    logits: Tensor
    hidden: tuple[Tensor, ...]

    @property
    def tokens(self) -> int:
        """The number of tokens."""
        return len(self.inputs["input_ids"])


class ForwardPass:
    """One text of a batched forward pass, whose graph is kept until `each_layer` or `capture`.

    Args:
        batch: the forward pass of the whole batch.
        rows: the text's rows in the batch: one, or one for every choice.

    Attributes:
        logits: the text's logits, float (C,).
        sequences: the inputs, logits and hidden states of each of the text's rows.
    """

    def __init__(self, batch: _Batch, rows: range) -> None:
        self.sequences = [batch.sequence(row) for row in rows]
        self.logits = batch.logits[rows].flatten().detach()
        self._batch: _Batch | None = batch
        self._rows = rows

    @property
    def tokens(self) -> int:
        """The number of tokens of all the text's sequences together."""
        return sum(sequence.tokens for sequence in self.sequences)

    def each_layer(self, visit: Visit) -> None:
        """Shows the attention of every layer, one layer after another; it can be called only once.

        If there is a loss, the method runs the backward pass of the whole batch at once, and visits
        the layers in the order in which that pass reaches them. Attention between two sequences of
        a text is zero.

        Args:
            visit: a function that takes the number of a layer and its capture, float (H, T, T), on
                the CPU.

        Raises:
            UnsupportedModelError: the loss does not depend on the attention of every layer.
        """
        if self._batch is None:
            raise RuntimeError("the attention was captured before, and the pass is not kept")
        batch, self._batch = self._batch, None

        def show(number: int, gradient: Tensor | None) -> None:
            layer = batch.layers[number]
            own = None if gradient is None else self._own(gradient)
            visit(
                number,
                AttentionCapture(self._own(layer.probabilities), own, self._own(layer.scores)),
            )

        batch.each_layer(show)

    def capture(self) -> AttentionCapture:
        """Returns the attention of all layers, as `each_layer` shows it, float (L, H, T, T)."""
        found: dict[int, AttentionCapture] = {}
        self.each_layer(found.__setitem__)
        layers = [found[number] for number in sorted(found)]
        gradients = [layer.gradients for layer in layers if layer.gradients is not None]
        return AttentionCapture(
            torch.stack([layer.probabilities for layer in layers]),
            torch.stack(gradients) if gradients else None,
            torch.stack([layer.scores for layer in layers]),
        )

    def _own(self, matrix: Tensor) -> Tensor:
        """Returns the text's part of a layer's matrices (B, H, T, T), as (H, T, T) on the CPU."""
        lengths = [sequence.tokens for sequence in self.sequences]
        parts = [
            matrix[row, :, :tokens, :tokens].detach()
            for row, tokens in zip(self._rows, lengths, strict=True)
        ]
        own = (parts[0] if len(parts) == 1 else _block_diagonal(parts)).cpu()
        return own.to(torch.promote_types(own.dtype, torch.float32))


def _block_diagonal(parts: Sequence[Tensor]) -> Tensor:
    """Joins the matrices (H, t, t) of several sequences into block-diagonal ones, (H, T, T)."""
    block_diagonal: Any = torch.block_diag
    return torch.stack([block_diagonal(*heads) for heads in zip(*parts, strict=True)])


class _Batch:
    """The output of one forward pass, with the sum of its losses, which is differentiated once."""

    def __init__(
        self,
        inputs: Mapping[str, Tensor],
        logits: Tensor,
        hidden: Sequence[Tensor],
        layers: Sequence[Recording],
        losses: Sequence[Loss | None],
    ) -> None:
        self.logits = logits
        self.layers = layers
        self._inputs = inputs
        self._lengths: list[int] = inputs["attention_mask"].sum(1).tolist()
        self._hidden = hidden
        by_text = self.logits.reshape(len(losses), 1, -1)
        rows = [loss(own) for loss, own in zip(losses, by_text, strict=True) if loss is not None]
        self._loss = torch.stack(rows).sum() if rows else None
        self._is_shared = len(losses) > 1
        self._gradients: list[tuple[int, Tensor | None]] = []

    def sequence(self, row: int) -> SequenceActivations:
        """One row."""
        tokens = self._lengths[row]
        inputs = {name: rows[row, :tokens] for name, rows in self._inputs.items()}
        hidden = tuple(states[row, :tokens].detach() for states in self._hidden)
        return SequenceActivations(inputs, self.logits[row].detach(), hidden)

    def each_layer(self, show: Callable[[int, Tensor | None], None]) -> None:
        """Shows the number of every layer and the gradient at its probabilities, if there is one.

        The gradients are kept for the other texts of the batch, unless there are none.
        """
        if self._loss is None:
            for number in range(len(self.layers)):
                show(number, None)
        elif self._gradients:
            for number, gradient in self._gradients:
                show(number, gradient)
        elif self._is_shared:
            differentiate(self._loss, self.layers, lambda *own: self._gradients.append(own))
            self.each_layer(show)
        else:
            self._trim()
            differentiate(self._loss, self.layers, partial(self._show_last, show))

    def _show_last(
        self, show: Callable[[int, Tensor | None], None], number: int, own: Tensor
    ) -> None:
        """Shows a layer, and then frees its attention."""
        show(number, own)
        self.layers[number].forget()
        self._trim()

    def _trim(self) -> None:
        if self.layers[0].units > LONG:
            give_back_free_memory()


def forward_passes(
    model: PreTrainedModel,
    inputs: Mapping[str, Tensor],
    losses: Sequence[Loss | None],
    structures: Sequence[Structure] = (),
    cross: bool = False,
) -> list[ForwardPass]:
    """Runs a model on a batch of texts, padded on the right, and records its attention.

    Args:
        model: a model of a supported family.
        inputs: the tokenizer's output for the texts, each tensor (B, T); a text has one row, or one
            for every choice.
        losses: the loss to differentiate for each text; None for a text without gradients.
        structures: the structure that masks each row; empty to mask nothing.
        cross: whether to record a decoder's attention to its encoder, instead of self-attention.

    Raises:
        UnsupportedModelError: a layer does not take one softmax over the tokens of each row.
    """
    family = family_of(model)
    modules = family.attention_modules(model, cross)
    layers = [Recording() for _ in modules]
    wanted = any(loss is not None for loss in losses)
    # The record is taken inside the mask: it sees the scores as they are before it.
    record = softmax_modes(modules, dict(enumerate(layers)), family.extra_keys)
    has_states = family.decoder is None and (family.can_call_layers or family.engine is not None)
    reading = recorded_hidden_states(family.layer_modules(model) if has_states else [])
    masked = masked_attention(model, structures)
    with torch.set_grad_enabled(wanted), reading as hidden, record, masked:
        logits: Tensor = run_rows(model, inputs).logits
        _require_whole_texts(inputs["input_ids"], family.num_heads(model), layers)
        whole = all(own.shape[:2] == inputs["input_ids"].shape for own in hidden.values())
        states = list(hidden.values()) if whole else []
        batch = _Batch(inputs, logits, states, layers, losses)
    size = len(inputs["attention_mask"]) // len(losses)
    return [ForwardPass(batch, range(at * size, (at + 1) * size)) for at in range(len(losses))]


def _require_whole_texts(ids: Tensor, heads: int, layers: Sequence[Recording]) -> None:
    """Raises UnsupportedModelError if a layer's scores do not cover whole rows (B, T)."""
    expected = (len(ids), heads, ids.shape[1])
    for number, layer in enumerate(layers):
        found = tuple(layer.probabilities.shape[:3])
        if found != expected:
            raise UnsupportedModelError(
                f"expected layer {number} to take its softmax over scores of {expected} (rows, "
                f"heads, tokens), got {found}: its attention is not over whole texts"
            )
