"""Recordings of a layer's attention in a forward pass, and of the gradient that reaches it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from ..errors import UnsupportedModelError
from .softmax import SoftmaxMode, scores_of


def differentiate(
    loss: Tensor, layers: Sequence[Recording], show: Callable[[int, Tensor], None]
) -> None:
    """Shows the gradient of a loss at each layer's probabilities as soon as it is computed.

    Args:
        loss: the loss, a scalar.
        layers: the recordings of the forward pass, one for each layer.
        show: a function that takes the number of a layer and the gradient, (B, H, T, T).

    Raises:
        UnsupportedModelError: the loss does not depend on the attention of every layer.
    """
    for number, layer in enumerate(layers):
        layer.show = partial(show, number)
    try:
        torch.autograd.grad(loss, [layer.anchor for layer in layers])
    except RuntimeError as error:  # the library has no type of its own for it
        if "used in the graph" not in str(error) and "does not require grad" not in str(error):
            raise
        raise UnsupportedModelError(
            "expected logits that gradients can be taken of, got ones that do not depend on "
            "the attention of every layer in a way that PyTorch differentiates: a layer "
            "detaches them, or computes without PyTorch"
        ) from error
    finally:
        for layer in layers:
            del layer.show


class _GradientSeen(torch.autograd.Function):
    """Returns its input unchanged, and shows the gradient there in the backward pass.

    Hooks are not enough: PyTorch computes the gradients only on paths to an input that is asked
    for. The anchor is such an input, on which every layer seems to depend.
    """

    @staticmethod
    def forward(
        context: Any, probabilities: Tensor, anchor: Tensor, recording: Recording
    ) -> Tensor:
        context.recording = recording
        return probabilities.view_as(probabilities)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (gradient,) = gradients
        recording: Recording = context.recording
        recording.show(gradient)
        return gradient, torch.zeros_like(recording.anchor), None


class Recording(SoftmaxMode):
    """Keeps the attention of one layer.

    A recording does not hold the graph of the backward pass; the graph holds the recording.

    Attributes:
        units: the number of units in all matrices of the batch.
        probabilities: the output of the softmax, (B, H, T, T), with the family's extra columns.
        anchor: a scalar on which the graph seems to depend, if gradients are computed.
        show: a function that takes the gradient at the probabilities during the backward pass.
    """

    units = 0
    probabilities: Tensor
    anchor: Tensor
    show: Callable[[Tensor], None]
    _make_scores: Callable[[], Tensor]

    @cached_property
    def scores(self) -> Tensor:
        """The pre-softmax scores, detached, of the same shape as the probabilities."""
        return self._make_scores()

    def forget(self) -> None:
        """Frees the attention."""
        vars(self).pop("scores", None)
        del self.probabilities, self._make_scores

    def softmax(self, scores: Tensor, dim: int, **options: Any) -> Tensor:
        """Computes probabilities from scores, each (B, H, queries, keys), and records both."""
        kept = scores.detach()
        self._make_scores = lambda: kept
        probabilities = super().softmax(scores, dim, **options)
        self.probabilities = probabilities.detach()
        self.units = probabilities.numel()
        if not torch.is_grad_enabled():
            return probabilities
        self.anchor = torch.zeros((), device=probabilities.device, requires_grad=True)
        see: Any = _GradientSeen.apply
        seen: Tensor = see(probabilities, self.anchor, self)
        return seen

    def fused(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        """Computes attention step by step; scores are not kept, but computed again when needed."""
        attended = super().fused(
            query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa
        )
        if not torch.is_autocast_enabled(query.device.type):  # what it casts is not known later
            self._make_scores = partial(
                scores_of, query.detach(), key.detach(), attn_mask, is_causal, scale
            )
        return attended
