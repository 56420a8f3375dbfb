"""Recordings: the attention of a layer in a forward pass, and the gradient that reaches it."""

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
    """Shows the gradient of a loss at the probabilities of every layer as soon as it is there.

    Args:
        loss: a scalar.
        layers: what recorded the forward pass.
        show: takes the number of a layer and the gradient, (B, H, T, T).

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
    """Gives back what it gets, and shows the gradient at it.

    Hooks would not do: PyTorch computes only what some input depends on. The anchor is an input on
    which every layer seems to depend.
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

    Nothing here holds the graph of the backward pass, which holds the recording.

    Attributes:
        units: how many units there are in all matrices of the batch.
        probabilities: what the softmax gave, (B, H, T, T), with the family's extra columns.
        anchor: a scalar that the graph seems to depend on, if gradients are computed.
        show: takes the gradient at the probabilities while the backward pass is on.
    """

    units = 0
    probabilities: Tensor
    anchor: Tensor
    show: Callable[[Tensor], None]
    _make_scores: Callable[[], Tensor]

    @cached_property
    def scores(self) -> Tensor:
        """What the softmax is taken of, detached, same shape as the probabilities."""
        return self._make_scores()

    def forget(self) -> None:
        """Lets go of the attention."""
        vars(self).pop("scores", None)
        del self.probabilities, self._make_scores

    def softmax(self, scores: Tensor, dim: int, **options: Any) -> Tensor:
        """Probabilities from scores."""
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
        """``scaled_dot_product_attention``, step by step; scores are not kept but made again."""
        attended = super().fused(
            query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa
        )
        if not torch.is_autocast_enabled(query.device.type):  # what it casts is not known later
            self._make_scores = partial(
                scores_of, query.detach(), key.detach(), attn_mask, is_causal, scale
            )
        return attended
