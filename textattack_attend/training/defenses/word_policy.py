"""Policies over the words of texts: AFA draws from one the words that it masks."""

from __future__ import annotations

import torch
from torch import Tensor


def policy_over(words: Tensor, attention: Tensor) -> Tensor:
    """Computes the policy, probabilities (B, T): attention, normalised over the words.

    Args:
        words: a mask that is true at words, bool (B, T).
        attention: the mean attention of the token that the head reads, (B, T).
    """
    to_words = attention.float() * words
    return to_words / to_words.sum(-1, keepdim=True).clamp_min(torch.finfo(to_words.dtype).tiny)


def explored(policy: Tensor, words: Tensor, share: float) -> Tensor:
    """Mixes a policy, (B, T), with the uniform distribution over the words of each text.

    Attention draws a word that it overlooks too seldom to learn whether it matters.

    Args:
        policy: the probabilities of words, (B, T).
        words: a mask that is true at words, bool (B, T).
        share: the share of the uniform distribution, in [0, 1].
    """
    if share == 0:
        return policy
    uniform = words / words.sum(-1, keepdim=True).clamp_min(1)
    return (1 - share) * policy + share * uniform


def sampled(
    policy: Tensor, words: Tensor, share: float, drawn_by: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Draws words one after the other without replacement.

    Args:
        policy: the probabilities of words, (B, T).
        words: a mask that is true at words, bool (B, T).
        share: the share of a text's words to draw; at least one word is drawn.
        drawn_by: the probabilities by which words are drawn, (B, T); None for those of the policy.

    Returns:
        A mask of the drawn words, bool (B, T), and the log-likelihood, under the policy, of
        drawing them in that order, (B,).
    """
    tiny = torch.finfo(policy.dtype).tiny
    logits = policy.clamp_min(tiny).log()
    drawn_logits = logits.detach() if drawn_by is None else drawn_by.clamp_min(tiny).log()
    noise = -torch.empty_like(logits).exponential_().log()  # Gumbel's
    order = (drawn_logits + noise).masked_fill(~words, -torch.inf).argsort(-1, descending=True)
    count = (share * words.sum(-1, keepdim=True)).round().clamp_min(1).minimum(words.sum(-1, True))
    drawn_in_order = torch.arange(words.shape[1], device=words.device) < count
    probabilities = policy.gather(-1, order)
    left = 1 - (probabilities.cumsum(-1) - probabilities)
    left = left.clamp_min(torch.finfo(policy.dtype).eps)
    log_likelihood = ((logits.gather(-1, order) - left.log()) * drawn_in_order).sum(-1)
    drawn = torch.zeros_like(words).scatter(-1, order, drawn_in_order)
    return drawn, log_likelihood
