"""Capture: what a forward pass did inside, and how a loss depends on its attention."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from .families import family_of

Loss = Callable[[Tensor], Tensor]
"""From the logits of one input, float (1, C), to the scalar that the attack wants to grow."""


@dataclass(frozen=True)
class AttentionCapture:
    """The attention of one pass over one text.

    Args:
        probabilities: attention after the softmax, float (L, H, T, T).
        gradients: gradient of the loss with respect to them, same shape; None without a loss.
        scores: what the softmax is taken of, before any mask, same shape; None if not asked for.
    """

    probabilities: Tensor
    gradients: Tensor | None
    scores: Tensor | None = None

    @property
    def probability_gradients(self) -> Tensor:
        """Gradient of the loss at the probabilities, float (L, H, T, T)."""
        if self.gradients is None:
            raise RuntimeError("captured without a loss: there are no gradients")
        return self.gradients

    @property
    def unmasked_scores(self) -> Tensor:
        """What the softmax is taken of, before any mask, float (L, H, T, T)."""
        if self.scores is None:
            raise RuntimeError("captured without scores: pass scores=True")
        return self.scores

    @property
    def score_gradients(self) -> Tensor:
        """Gradient of the loss at the pre-softmax scores, float (L, H, T, T)."""
        gradients = self.probability_gradients
        mean = (self.probabilities * gradients).sum(-1, keepdim=True)
        return self.probabilities * (gradients - mean)


class ForwardPass:
    """One text of a batched forward pass; what it takes to differentiate is kept until `capture`.

    Args:
        batch: the pass.
        row: the text's row in it.
        tokens: how many tokens the text has; the rest of the row is padding.

    Attributes:
        logits: float (C,).
        hidden: hidden states before every layer and after the last, each (T, D).
    """

    def __init__(self, batch: _Batch, row: int, tokens: int) -> None:
        self.logits = batch.logits[row].detach()
        self.hidden = tuple(states[row, :tokens].detach() for states in batch.hidden)
        self._batch: _Batch | None = batch
        self._row = row

    def capture(self, *, scores: bool = False) -> AttentionCapture:
        """The attention, and its gradient if there is a loss; float, on the CPU.

        Takes the backward pass, for the whole batch at once. Can be asked for once.

        Args:
            scores: whether to project queries and keys again for the scores before the mask.
        """
        if self._batch is None:
            raise RuntimeError("captured before: the pass is not kept any longer")
        batch, self._batch = self._batch, None
        gradients = None if batch.loss is None else self._own(batch.gradients)
        unmasked = attention_scores(batch.model, self.hidden).float().cpu() if scores else None
        return AttentionCapture(self._own(batch.attentions), gradients, unmasked)

    def _own(self, matrices: Sequence[Tensor]) -> Tensor:
        tokens = len(self.hidden[0])
        own = torch.stack([m[self._row, :, :tokens, :tokens].detach() for m in matrices]).cpu()
        return own.to(torch.promote_types(own.dtype, torch.float32))


class _Batch:
    """The output of one forward pass and the sum of its losses, whose gradient is taken once."""

    def __init__(self, model: PreTrainedModel, output: Any, losses: Sequence[Loss | None]) -> None:
        self.model = model
        self.logits: Tensor = output.logits
        self.hidden: tuple[Tensor, ...] = output.hidden_states
        self.attentions: tuple[Tensor, ...] = output.attentions
        rows = [
            loss(self.logits[row : row + 1]) for row, loss in enumerate(losses) if loss is not None
        ]
        self.loss = torch.stack(rows).sum() if rows else None

    @cached_property
    def gradients(self) -> tuple[Tensor, ...]:
        assert self.loss is not None, "no text has a loss"
        return torch.autograd.grad(self.loss, self.attentions)


def forward_passes(
    model: PreTrainedModel, inputs: Mapping[str, Tensor], losses: Sequence[Loss | None]
) -> list[ForwardPass]:
    """Run a batch of texts, padded on the right; with a loss a text can be differentiated.

    Attention is read through transformers' own ``output_attentions``; an sdpa model takes its eager
    path for this pass.
    """
    wanted = any(loss is not None for loss in losses)
    gradient = _differentiable(model) if wanted else torch.no_grad()
    with torch.set_grad_enabled(wanted), gradient, _quiet(model):
        output = model(**inputs, output_attentions=True, output_hidden_states=True)
        batch = _Batch(model, output, losses)
    lengths = inputs["attention_mask"].sum(1).tolist()
    return [ForwardPass(batch, row, tokens) for row, tokens in enumerate(lengths)]


def attention_scores(model: PreTrainedModel, hidden: Sequence[Tensor]) -> Tensor:
    """Scores before mask and softmax, float (L, H, T, T), from the states before every layer."""
    family = family_of(model)
    heads = int(model.config.num_attention_heads)
    scores = []
    with torch.inference_mode():
        for module, states in zip(family.attention_modules(model), hidden, strict=False):
            query, key = (
                module.get_submodule(name)(states).view(len(states), heads, -1).transpose(0, 1)
                for name in (family.projections.query, family.projections.key)
            )
            scores.append(query @ key.transpose(1, 2) / query.shape[-1] ** 0.5)
    return torch.stack(scores)


@contextmanager
def _differentiable(model: PreTrainedModel) -> Iterator[None]:
    """Make activations carry gradients from the embeddings on, also where these are frozen."""

    def require_gradient(module: nn.Module, args: object, output: Tensor) -> Tensor:
        return output.requires_grad_()

    handle = model.get_input_embeddings().register_forward_hook(require_gradient)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _quiet(model: PreTrainedModel) -> Iterator[None]:
    """Transformers warns that an sdpa model falls back to eager here, which is what we want."""
    speaker = logging.getLogger(type(model).__module__)
    speaker.addFilter(_no_warning)  # a level would empty the caches of every logger
    try:
        yield
    finally:
        speaker.removeFilter(_no_warning)


def _no_warning(record: logging.LogRecord) -> bool:
    return record.levelno > logging.WARNING
