"""Capture: the attention probabilities of one input, and how a loss depends on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
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

    Attention is read through transformers' own ``output_attentions``, so the model is not hooked;
    an sdpa model takes its eager path for this pass.
    """
    with torch.set_grad_enabled(loss is not None), _differentiable(model), _quiet():
        output = model(**inputs, output_attentions=True)
        gradients = None
        if loss is not None:
            at_attention = torch.autograd.grad(loss(output.logits), output.attentions)
            gradients = torch.cat(at_attention)
    return AttentionCapture(torch.cat(output.attentions).detach(), gradients)


@contextmanager
def _differentiable(model: PreTrainedModel) -> Iterator[None]:
    """Make activations carry gradients also where every parameter is frozen."""
    if any(parameter.requires_grad for parameter in model.parameters()):
        yield
        return
    model.enable_input_require_grads()
    try:
        yield
    finally:
        model.disable_input_require_grads()


@contextmanager
def _quiet() -> Iterator[None]:
    """Transformers warns that an sdpa model falls back to eager here, which is what we want."""
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
