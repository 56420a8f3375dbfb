"""The configurations of HackAttend's tables on one victim, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from textattack.attack_results import SkippedAttackResult, SuccessfulAttackResult

from ..attack_recipes import HackAttendLiong2024
from ..models.wrappers import AttentionModelWrapper

Example = tuple[Any, int]
"""A text, or an ordered dict of its columns; its class."""

HALF = {"max_layers": 6, "max_heads": 6}
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "random units (Imp. w/o Grad)": {"ranking": "random"},
    "random layers, heads, units (Baseline)": {"ranking": "random", "importance": "random"},
    "attention scores": {"ranking": "attention"},
    "probability gradient (HackAttend)": {},
    "random order (Grad w/o Imp.)": {"importance": "random"},
    "half scale": HALF,
    "score gradient": {"ranking": "score_gradient"},
    "first order": {"ranking": "first_order"},
    "probability gradient, alpha 5%": {"mask_fraction": 0.05},
    "probability gradient, alpha 0.1%": {"mask_fraction": 0.001},
    "probability gradient, alpha 0.01%": {"mask_fraction": 0.0001},
    "probability gradient, [CLS] attackable": {"spare_first_token": False},
    "probability gradient, not accumulating": {"accumulate": False},
}
CHOICE_CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "random units (Imp. w/o Grad)": {"ranking": "random"},
    "random layers, heads, units (Baseline)": {"ranking": "random", "importance": "random"},
    "random order (Grad w/o Imp.)": {"importance": "random"},
    "first order": {"ranking": "first_order"},
    **{
        f"{budget}, alpha {fraction:.2%}{scale_name}": {
            "choice_budget": budget,
            "mask_fraction": fraction,
            **scale,
        }
        for budget in ("per_matrix", "released")
        for fraction in (0.01, 0.001, 0.0001)
        for scale_name, scale in (("", {}), (", half scale", HALF))
    },
}
"""Of multiple choice."""


@dataclass(frozen=True)
class Row:
    """One configuration's results over the attacked (correctly classified) examples.

    Args:
        attacked: correctly classified examples.
        successes: how many of them were flipped.
        candidate_queries: tested structures per attacked example.
        queries: all evaluated structures per attacked example, probes included.
        hamming: masked units per perturbed matrix, averaged over the successes.
    """

    attacked: int
    successes: int
    candidate_queries: float
    queries: float
    hamming: float

    @property
    def success_rate(self) -> float:
        """ASR, as a fraction."""
        return self.successes / self.attacked if self.attacked else float("nan")


def measure(
    wrapper: AttentionModelWrapper, examples: Sequence[Example], **options: Any
) -> Iterator[Row]:
    """Attack the examples with one configuration; yields the row so far after each of them."""
    attack = HackAttendLiong2024.build(wrapper, **options)
    results = []
    for result in attack.attack_many(examples):
        if not isinstance(result, SkippedAttackResult):
            results.append(result)
        count = max(1, len(results))
        successes = [r for r in results if isinstance(r, SuccessfulAttackResult)]
        distances = [r.structure.hamming_distance for r in successes]
        yield Row(
            attacked=len(results),
            successes=len(successes),
            candidate_queries=sum(r.candidate_queries for r in results) / count,
            queries=sum(r.num_queries for r in results) / count,
            hamming=sum(distances) / max(1, len(distances)),
        )
