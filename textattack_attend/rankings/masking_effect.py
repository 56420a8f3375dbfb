"""The effect of masking a unit, by which HackAttend+ judges units, where others are masked."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..attention import AttentionCapture
from ..structures import Cells, Structure
from .ranking import at_cells

DECAY = 0.5
"""The share of the earlier average in the new one, unless another is given."""
Effect = TypeVar("Effect", npt.NDArray[np.float32], Tensor)


def masking_effect(
    capture: AttentionCapture, structure: Structure, layer: int, cells: Cells
) -> npt.NDArray[np.float32]:
    """Returns the linear term of the loss for masking each unit instead of opening it, (H, n).

    It extends `first_order` to a state where units are masked: a unit that, open, has the
    probability p has the effect ``-p (g - rest)``, where g is the gradient at its probability and
    ``rest`` the mean of the row's gradients under the probabilities of the other open units. A
    masked unit's p is the probability that it would have if it alone were opened.

    Args:
        capture: the capture of the layer, (H, T, T), under the mask and with gradients.
        structure: the structure that was masked.
        layer: the number of the layer.
        cells: the n cells to judge, ``query * T + key``, in order.
    """
    masked = torch.from_numpy(structure.dense_layer(layer))
    closed = torch.from_numpy(~structure.shape.visible(layer))

    def effect(block: AttentionCapture, queries: slice) -> Tensor:
        return effect_of_masking(
            block.scores.double(),  # a probability near 1 has no digits left in single
            block.probabilities.double(),
            block.probability_gradients.double(),
            masked[:, queries],
            closed[queries],
        ).float()

    return at_cells(capture, cells, effect)


def effect_of_masking(
    scores: Tensor, probabilities: Tensor, gradients: Tensor, masked: Tensor, closed: Tensor
) -> Tensor:
    """Computes the formula of `masking_effect` for tensors (..., T, T), in the dtype of the scores.

    Args:
        scores: the scores before the softmax and before the mask.
        probabilities: the probabilities under the mask.
        gradients: the gradients of the loss at the probabilities.
        masked: a mask that is true at masked units.
        closed: a mask that is true at units that are never visible.
    """
    open_scores = scores.masked_fill(masked | closed, -torch.inf)
    total = open_scores.logsumexp(-1, keepdim=True)
    open_row = torch.isfinite(total)
    probabilities = torch.where(open_row, (open_scores - total).exp(), probabilities)
    alone = torch.where(masked, torch.sigmoid(scores - total), probabilities)
    mean = (probabilities * gradients).sum(-1, keepdim=True)
    others = (1 - probabilities).clamp_min(torch.finfo(scores.dtype).tiny)
    rest = torch.where(masked, mean, (mean - probabilities * gradients) / others)
    # A mean lies between the extremes; beside a probability of 1 there are no digits left for it.
    rest = rest.clamp(gradients.amin(-1, keepdim=True), gradients.amax(-1, keepdim=True))
    return (-alone * (gradients - rest)).masked_fill(closed, 0)


def damped(average: Effect | None, latest: Effect, decay: float = DECAY) -> Effect:
    """Averages the effect of units with what it was in earlier rounds.

    Where units of all matrices are chosen anew at once, the effects at one choice alone would
    overshoot.

    Args:
        average: the average of the earlier rounds, which is overwritten, as a long text has no room
            for two; None in the first round.
        latest: the effect where the units of the last round are masked.
        decay: the share of the earlier average in the new one, in [0, 1).
    """
    if average is None:
        average = latest * decay
    else:
        average *= decay
    average += (1 - decay) * latest
    return average
