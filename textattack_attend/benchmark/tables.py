"""What the rows of a benchmark add up to, for each victim: means over its checkpoints."""

from __future__ import annotations

import pandas as pd

from .runner import Benchmark

PERCENT = ("clean", "robust", "ASR", "words")


def comparison(benchmark: Benchmark) -> pd.DataFrame:
    """A row for every victim under every attack; errors count in none of them but their own.

    Columns, numbers being the mean over the checkpoints, followed by their standard deviation
    where there are several:

    - ``models``: how many checkpoints;
    - ``clean``, ``robust``: accuracy before and after the attack;
    - ``ASR``: flipped, of those that were right;
    - ``queries``, ``candidates``: of the model, all and tested structures, an attacked example;
    - ``words``: changed, of a success; ``Hamming``: masked units a perturbed matrix, of a success;
    - ``seconds``: an attacked example, skipped ones' time included;
    - ``errors``: examples that could not be attacked.
    """
    rows = benchmark.store.rows(list(benchmark.cells), benchmark.size)
    measured = pd.DataFrame(
        {"victim": victim, "attack": attack, **_measure(rows[rows["cell"] == cell])}
        for cell, (victim, attack, _) in benchmark.cells.items()
    )
    grouped = measured.groupby(["victim", "attack"], sort=False)
    table = pd.DataFrame({"models": grouped.size()})
    for name in measured.columns[2:]:
        percent = name in PERCENT
        table[name] = [_said(numbers, percent) for _, numbers in grouped[name]]
    table["errors"] = grouped["errors"].sum().astype(int)
    return table.reset_index()


def victims(benchmark: Benchmark) -> pd.DataFrame:
    """A row for every victim whose checkpoints have cards: dev accuracy and cost of training."""
    rows = []
    for victim, checkpoints in benchmark.recipe.victims.items():
        cards = [benchmark.cards[c] for c in checkpoints if c in benchmark.cards]
        if cards:
            accuracies = pd.Series([card.accuracy for card in cards], dtype=float)
            ratios = pd.Series([card.training_time_ratio for card in cards], dtype=float)
            rows.append(
                {
                    "victim": victim,
                    "models": len(cards),
                    "dev accuracy": _said(accuracies, percent=True),
                    "training time (plain: 1)": _said(ratios, percent=False),
                }
            )
    return pd.DataFrame(rows)


def _measure(rows: pd.DataFrame) -> dict[str, float]:
    """Of one checkpoint under one attack."""
    judged = rows[rows["outcome"] != "error"]
    attacked = judged[judged["outcome"] != "skipped"]
    succeeded = attacked[attacked["outcome"] == "succeeded"]
    every = max(1, len(judged))
    return {
        "clean": len(attacked) / every,
        "robust": (len(attacked) - len(succeeded)) / every,
        "ASR": len(succeeded) / len(attacked) if len(attacked) else float("nan"),
        "queries": attacked["queries"].mean(),
        "candidates": attacked["candidate_queries"].astype(float).mean(),
        "words": succeeded["perturbed_words"].astype(float).mean(),
        "Hamming": succeeded["hamming"].astype(float).mean(),
        "seconds": judged["seconds"].sum() / max(1, len(attacked)),
        "errors": len(rows) - len(judged),
    }


def _said(numbers: pd.Series, percent: bool) -> str:
    """Mean and standard deviation, or nothing where there is no number."""
    if numbers.isna().all():
        return ""
    factor, unit = (100, "%") if percent else (1, "")
    digits = 1 if percent or numbers.mean() >= 10 else 2
    mean = f"{factor * numbers.mean():.{digits}f}"
    spread = f" ± {factor * numbers.std():.{digits}f}" if len(numbers) > 1 else ""
    return f"{mean}{spread}{unit}"
