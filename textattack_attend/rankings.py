"""Rankings: how the units inside a matrix are ordered, the most promising to mask first.

Every ranking turns a capture of the clean text into scores, float (L, H, T, T): the higher, the
more the loss is expected to grow when the unit is masked.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from math import ceil

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .attention import AttentionCapture
from .errors import require_one_of
from .structures import Budget, Cells, Matrix, Shape, Structure
from .texts import Text

logger = logging.getLogger(__name__)

Ranking = Callable[[AttentionCapture], Tensor]


def probability_gradient(capture: AttentionCapture) -> Tensor:
    """Minus the gradient at the probabilities: what the released code does, and the tables show."""
    return -capture.probability_gradients


def score_gradient(capture: AttentionCapture) -> Tensor:
    """Minus the gradient just before the softmax: what the paper's text says (section 3.4)."""
    return -capture.score_gradients


def first_order(capture: AttentionCapture) -> Tensor:
    """Linear term of the loss when a unit of probability p is masked: ``-g / (1 - p)``.

    g is the gradient at the pre-softmax score; ``1 - p`` comes from renormalising the row.
    """
    rest = (1 - capture.probabilities).clamp_min(torch.finfo(torch.float32).eps)
    return -capture.score_gradients / rest


def masking_effect(capture: AttentionCapture, structure: Structure) -> Tensor:
    """Linear term of the loss for each unit being masked rather than open, float (L, H, T, T).

    As `first_order`, but at a state where units are masked: a unit that, open, has the probability
    p has the effect ``-p (g - rest)``, where g is the gradient at its probability and ``rest`` the
    mean of the row's gradients under the probabilities of the other open units. A masked unit's p
    is what its score would give it if it alone were opened.

    Args:
        capture: taken under the mask, with gradients.
        structure: what was masked.
    """
    shape = structure.shape
    visible = np.stack([shape.visible(layer) for layer in range(shape.layers)])
    effect = effect_of_masking(
        capture.scores.double(),  # a probability near 1 has no digits left in single
        capture.probabilities.double(),
        capture.probability_gradients.double(),
        torch.from_numpy(structure.dense()),
        torch.from_numpy(~visible[:, None]),
    ).float()
    if not effect.any():
        logger.warning("the gradient is zero everywhere; no unit seems better than another")
    return effect


def effect_of_masking(
    scores: Tensor, probabilities: Tensor, gradients: Tensor, masked: Tensor, closed: Tensor
) -> Tensor:
    """The formula of `masking_effect`, for tensors (..., T, T); of the dtype of the scores.

    Args:
        scores: before the softmax and before the mask.
        probabilities: under the mask.
        gradients: of the loss at them.
        masked: which units are.
        closed: which are not visible in any case.
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


def attention(capture: AttentionCapture) -> Tensor:
    """The attention probability itself (paper, Table 6, "score")."""
    return capture.probabilities


GRADIENT_RANKINGS: dict[str, Ranking] = {
    "probability_gradient": probability_gradient,
    "score_gradient": score_gradient,
    "first_order": first_order,
}
RANKINGS = (*GRADIENT_RANKINGS, "attention", "random")


def require_ranking(name: str) -> None:
    """Raises InvalidInputError for a name that is no ranking."""
    require_one_of("ranking", name, RANKINGS)


def rank(
    name: str, capture: AttentionCapture, shape: Shape, budget: Budget
) -> npt.NDArray[np.float32]:
    """Scores of every unit, float32 (L, H, T, T).

    A matrix whose gradient is zero at every attackable unit is ranked by attention instead (paper,
    section 3.4).
    """
    if name == "attention":
        return attention(capture).numpy()
    scores = GRADIENT_RANKINGS[name](capture)
    attackable = torch.from_numpy(
        np.stack([budget.attackable(shape, layer) for layer in range(shape.layers)])[:, None]
    )
    flat = (scores * attackable).abs().amax((-1, -2), keepdim=True) == 0
    if flat.all():
        logger.warning("the gradient is zero everywhere; units are ranked by attention instead")
    return torch.where(flat, attention(capture), scores).numpy()


def random_scores(shape: Shape, generator: np.random.Generator) -> npt.NDArray[np.float32]:
    """Uniform scores, float32 (L, H, T, T): the paper's baseline."""
    return generator.random(shape.size, dtype=np.float32)


def candidate_masks(
    scores: npt.NDArray[np.float32], shape: Shape, budget: Budget, share: float = 1
) -> dict[Matrix, Structure]:
    """The candidate mask of every matrix: its highest-ranked attackable units, within the budget.

    Equal scores are taken in the order of (query, key).

    Args:
        scores: of every unit, float32 (L, H, T, T).
        shape: of the structures.
        budget: how many units of a matrix may be masked.
        share: how much of that is taken, in (0, 1].
    """
    masks: dict[Matrix, Structure] = {}
    for layer in range(shape.layers):
        attackable = budget.attackable(shape, layer)
        counts = [ceil(share * count) for count in budget.units_per_matrix(shape, layer)]
        for head, cells in enumerate(_highest_cells(scores[layer], attackable, counts, shape)):
            if budget.joins_choices(shape):
                cells = _joined(cells, attackable, shape)
            masks[layer, head] = Structure(shape, {(layer, head): cells})
    return masks


def _highest_cells(
    scores: npt.NDArray[np.float32],
    attackable: npt.NDArray[np.bool_],
    counts: Sequence[int],
    shape: Shape,
) -> list[Cells]:
    """Of each head of a layer, the highest-ranked attackable cells of every sequence."""
    by_sequence = []
    for count, span in zip(counts, shape.spans, strict=True):
        inside = np.zeros_like(attackable)
        inside[span, span] = attackable[span, span]
        cells = np.flatnonzero(inside).astype(np.int32)
        by_head = scores.reshape(shape.heads, -1)[:, cells]
        by_sequence.append([cells[_highest(own, count)] for own in by_head])
    return [np.concatenate(own) for own in zip(*by_sequence, strict=True)]


def _joined(cells: Cells, attackable: npt.NDArray[np.bool_], shape: Shape) -> Cells:
    """The attackable cells at the same place of any sequence."""
    chosen = np.zeros_like(attackable)
    chosen.ravel()[cells] = True
    longest = max(shape.sequences)
    union = np.zeros((longest, longest), dtype=np.bool_)
    for span, size in zip(shape.spans, shape.sequences, strict=True):
        union[:size, :size] |= chosen[span, span]
    for span, size in zip(shape.spans, shape.sequences, strict=True):
        chosen[span, span] = union[:size, :size]
    return np.flatnonzero(chosen & attackable).astype(np.int32)


def generator_for(text: Text, seed: int | None, purpose: str = "units") -> np.random.Generator:
    """Randomness that depends on seed, text and purpose, not on what was attacked before.

    Without a seed it is torch's, the one that TextAttack's ``--random-seed`` sets.
    """
    seed = torch.initial_seed() if seed is None else seed
    digest = hashlib.blake2b(repr((purpose, text)).encode(), digest_size=8).digest()
    return np.random.default_rng([seed % 2**63, int.from_bytes(digest, "little")])


def _highest(scores: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Sorted positions of the ``count`` highest scores; ties go to the lower position."""
    threshold = np.partition(scores, -count)[-count] if count else np.inf
    above = np.flatnonzero(scores > threshold)
    ties = np.flatnonzero(scores == threshold)[: count - len(above)]
    return np.sort(np.concatenate([above, ties]))
