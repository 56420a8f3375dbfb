"""Capture: what a forward pass did inside, and how a loss depends on its attention."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..errors import UnsupportedModelError
from ..structures import Structure
from .families import family_of
from .injection import masked_attention
from .rows import run_rows
from .softmax import SoftmaxMode, softmax_modes

Loss = Callable[[Tensor], Tensor]
"""From the logits of one input, float (1, C), to the scalar that the attack wants to grow."""


@dataclass(frozen=True)
class AttentionCapture:
    """The attention of one pass over one text.

    Args:
        probabilities: attention after the softmax, float (L, H, T, T).
        gradients: gradient of the loss with respect to them, same shape; None without a loss.
        scores: what the softmax is taken of, before a structure masks it, same shape.
    """

    probabilities: Tensor
    gradients: Tensor | None
    scores: Tensor

    @property
    def probability_gradients(self) -> Tensor:
        """Gradient of the loss at the probabilities, float (L, H, T, T)."""
        if self.gradients is None:
            raise RuntimeError("captured without a loss: there are no gradients")
        return self.gradients

    @property
    def score_gradients(self) -> Tensor:
        """Gradient of the loss at the pre-softmax scores, float (L, H, T, T)."""
        gradients = self.probability_gradients
        mean = (self.probabilities * gradients).sum(-1, keepdim=True)
        return self.probabilities * (gradients - mean)


@dataclass(frozen=True)
class ReadSequence:
    """One row of a forward pass, without its padding.

    Args:
        inputs: of the model, each (T,).
        logits: float (C,), or (1,) for a choice.
        hidden: hidden states before every layer and after the last, each (T, D); empty if the
            engine cannot use them.
    """

    inputs: Mapping[str, Tensor]
    logits: Tensor
    hidden: tuple[Tensor, ...]

    @property
    def tokens(self) -> int:
        """How many there are."""
        return len(self.inputs["input_ids"])


class ForwardPass:
    """One text of a batched forward pass; what it takes to differentiate is kept until `capture`.

    Args:
        batch: the pass.
        rows: the text's rows in it: one, or one for every choice.

    Attributes:
        logits: float (C,).
        sequences: what was read, a row each.
    """

    def __init__(self, batch: _Batch, rows: range) -> None:
        self.sequences = [batch.sequence(row) for row in rows]
        self.logits = batch.logits[rows].flatten().detach()
        self._batch: _Batch | None = batch
        self._rows = rows

    @property
    def tokens(self) -> int:
        """How many the text has, of all sequences together."""
        return sum(sequence.tokens for sequence in self.sequences)

    def capture(self) -> AttentionCapture:
        """The attention, and its gradient if there is a loss; float, on the CPU.

        Takes the backward pass, for the whole batch at once. Can be asked for once. Between two
        sequences there is no attention: zeros.
        """
        if self._batch is None:
            raise RuntimeError("captured before: the pass is not kept any longer")
        batch, self._batch = self._batch, None
        return AttentionCapture(
            self._own(batch.probabilities),
            None if batch.loss is None else self._own(batch.gradients),
            self._own(batch.scores),
        )

    def _own(self, matrices: Sequence[Tensor]) -> Tensor:
        """Of all layers, (L, H, T, T)."""
        lengths = [sequence.tokens for sequence in self.sequences]
        layers = []
        for matrix in matrices:
            parts = [
                matrix[row, :, :tokens, :tokens].detach()
                for row, tokens in zip(self._rows, lengths, strict=True)
            ]
            layers.append(parts[0] if len(parts) == 1 else _block_diagonal(parts))
        own = torch.stack(layers).cpu()
        return own.to(torch.promote_types(own.dtype, torch.float32))


def _block_diagonal(parts: Sequence[Tensor]) -> Tensor:
    """From (H, T, T) of each sequence."""
    block_diagonal: Any = torch.block_diag
    return torch.stack([block_diagonal(*heads) for heads in zip(*parts, strict=True)])


class _Batch:
    """The output of one forward pass and the sum of its losses, whose gradient is taken once."""

    def __init__(
        self,
        inputs: Mapping[str, Tensor],
        output: Any,
        layers: Sequence[Recording],
        losses: Sequence[Loss | None],
    ) -> None:
        self.logits: Tensor = output.logits
        self.scores = [layer.scores for layer in layers]
        self.probabilities = [layer.probabilities for layer in layers]
        self._inputs = inputs
        self._lengths: list[int] = inputs["attention_mask"].sum(1).tolist()
        self._hidden: tuple[Tensor, ...] = output.get("hidden_states") or ()
        by_text = self.logits.reshape(len(losses), 1, -1)
        rows = [loss(own) for loss, own in zip(losses, by_text, strict=True) if loss is not None]
        self.loss = torch.stack(rows).sum() if rows else None

    def sequence(self, row: int) -> ReadSequence:
        """One row."""
        tokens = self._lengths[row]
        inputs = {name: rows[row, :tokens] for name, rows in self._inputs.items()}
        hidden = tuple(states[row, :tokens].detach() for states in self._hidden)
        return ReadSequence(inputs, self.logits[row].detach(), hidden)

    @cached_property
    def gradients(self) -> tuple[Tensor, ...]:
        assert self.loss is not None, "no text has a loss"
        try:
            return torch.autograd.grad(self.loss, self.probabilities)
        except RuntimeError as error:  # the library has no type of its own for it
            if "used in the graph" not in str(error) and "does not require grad" not in str(error):
                raise
            raise UnsupportedModelError(
                "expected logits that gradients can be taken of, got ones that do not depend on "
                "the attention of every layer in a way that PyTorch differentiates: a layer "
                "detaches them, or computes without PyTorch"
            ) from error


class Recording(SoftmaxMode):
    """Keeps what goes into the softmax of one layer, and what comes out.

    Attributes:
        scores: before the softmax, detached, (B, H, T, T), with the family's extra columns.
        probabilities: after it, same shape.
    """

    scores: Tensor
    probabilities: Tensor

    def softmax(self, scores: Tensor, dim: int, **options: Any) -> Tensor:
        """Probabilities from scores."""
        self.scores = scores.detach()
        self.probabilities = super().softmax(scores, dim, **options)
        if torch.is_grad_enabled() and not self.probabilities.requires_grad:
            self.probabilities.requires_grad_()  # all that is below is frozen
        return self.probabilities


def forward_passes(
    model: PreTrainedModel,
    inputs: Mapping[str, Tensor],
    losses: Sequence[Loss | None],
    structures: Sequence[Structure] = (),
    cross: bool = False,
) -> list[ForwardPass]:
    """Runs a batch of texts, padded on the right; with a loss a text can be differentiated.

    Args:
        model: of a supported family.
        inputs: the rows of the texts, as its tokenizer gives them, each (B, T); a text has one row,
            or one for every choice.
        losses: what to differentiate, of each text.
        structures: what is masked in each row, or empty for nothing.
        cross: look at the attention of a decoder to its encoder, instead of self-attention.

    Raises:
        UnsupportedModelError: a layer does not take one softmax over the tokens of each row.
    """
    family = family_of(model)
    modules = family.attention_modules(model, cross)
    layers = [Recording() for _ in modules]
    wanted = any(loss is not None for loss in losses)
    # The record is taken inside the mask: it sees the scores as they are before it.
    record = softmax_modes(modules, dict(enumerate(layers)), family.extra_keys)
    with torch.set_grad_enabled(wanted), record, masked_attention(model, structures):
        output = run_rows(model, inputs, output_hidden_states=family.engine is not None)
        _require_whole_texts(inputs["input_ids"], int(model.config.num_attention_heads), layers)
        batch = _Batch(inputs, output, layers, losses)
    size = len(inputs["attention_mask"]) // len(losses)
    return [ForwardPass(batch, range(at * size, (at + 1) * size)) for at in range(len(losses))]


def _require_whole_texts(ids: Tensor, heads: int, layers: Sequence[Recording]) -> None:
    """Raises UnsupportedModelError for scores that are not those of whole rows (B, T)."""
    expected = (len(ids), heads, ids.shape[1])
    for number, layer in enumerate(layers):
        found = tuple(layer.scores.shape[:3])
        if found != expected:
            raise UnsupportedModelError(
                f"expected layer {number} to take its softmax over scores of {expected} (rows, "
                f"heads, tokens), got {found}: its attention is not over whole texts"
            )
