"""Capture: the attention probabilities of one input, and how a loss depends on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils import logging as transformers_logging

Loss = Callable[[Tensor], Tensor]
"""From the logits of one input, float (1, C), to the scalar that the attack wants to grow."""


@dataclass(frozen=True)
class AttentionCapture:
    """What one pass over one text leaves behind.

    Args:
        probabilities: attention after the softmax, float (L, H, T, T).
        gradients: gradient of the loss with respect to them, same shape; None without a loss.
    """

    probabilities: Tensor
    gradients: Tensor | None

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


def capture_attention(
    model: PreTrainedModel, inputs: Mapping[str, Tensor], loss: Loss | None
) -> AttentionCapture:
    """One forward pass over one input, and one backward pass if there is a loss.

    Attention is read through transformers' own ``output_attentions``; an sdpa model takes its eager
    path for this pass.
    """
    gradient = _differentiable(model) if loss is not None else torch.no_grad()
    with torch.set_grad_enabled(loss is not None), gradient, _quiet():
        output = model(**inputs, output_attentions=True)
        gradients = None
        if loss is not None:
            at_attention = torch.autograd.grad(loss(output.logits), output.attentions)
            gradients = torch.cat(at_attention)
    return AttentionCapture(torch.cat(output.attentions).detach(), gradients)


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
def _quiet() -> Iterator[None]:
    """Transformers warns that an sdpa model falls back to eager here, which is what we want."""
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
