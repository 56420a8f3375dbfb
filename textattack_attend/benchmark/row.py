"""A row: what became of one example."""

from __future__ import annotations

from dataclasses import dataclass

OUTCOMES = ("succeeded", "failed", "skipped", "corrected", "error")
"""The outcomes of an example: the attack changes a right prediction, or does not; the prediction is
wrong already; a text that was found on another victim makes it right; or there is no answer."""


@dataclass(frozen=True)
class Row:
    """The outcome of the attack on one example.

    Args:
        position: the position of the example in the data set.
        outcome: one of `OUTCOMES`; an example that is misclassified already is skipped, or
            corrected if a text that was found on another victim makes it right.
        label: the class of the example; None if it has none, which is an error.
        seconds: the time of the attack; of steps that examples share, the share of this one.
        text: the text of the example, with each of its parts in a line.
        perturbed: the text as the attack left it.
        before: the class that the model predicts; None for an error, like all that follow.
        after: the class that the model predicts after the attack.
        confidence_before: the model's probability of the label.
        confidence_after: the model's probability of the label after the attack.
        queries: the number of all queries of the model.
        candidate_queries: the number of structures that were tested up to the first success.
        gradient_passes: the number of backward passes; the forward pass of each is a query.
        perturbed_words: the share of the words that a successful attack on words changed.
        similarity: the similarity of the meanings before and after such an attack, in [-1, 1].
        hamming: the masked units of a success per perturbed matrix.
        matrices: the number of matrices in which a success masks a unit.
        masked: the masked units of a success, as `structures.encode` writes them.
        tokens: the tokens of the text of a success, as a JSON list.
        error: the kind and the message of the error, if there was one.
    """

    position: int
    outcome: str
    label: int | None
    seconds: float
    text: str
    perturbed: str | None = None
    before: int | None = None
    after: int | None = None
    confidence_before: float | None = None
    confidence_after: float | None = None
    queries: int | None = None
    candidate_queries: int | None = None
    gradient_passes: int | None = None
    perturbed_words: float | None = None
    similarity: float | None = None
    hamming: float | None = None
    matrices: int | None = None
    masked: str | None = None
    tokens: str | None = None
    error: str | None = None
