"""The results of a run, or of several: rows with the labels of their recipes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ..card import Card
from ..errors import InvalidInputError
from .recipe import Recipe
from .store import Entry, Store

LABELS = ["victim", "attack", "checkpoint", "seed"]


@dataclass(frozen=True)
class Results:
    """What a store holds of runs.

    Args:
        recipes: of the runs, in the order in which they were begun.
        rows: the fields of `Row`, after victim, attack, checkpoint and seed.
        cards: by checkpoint, of those that have one.
        expected: rows that there are once the runs are done.
    """

    recipes: list[Recipe]
    rows: pd.DataFrame
    cards: dict[str, Card]
    expected: int

    @classmethod
    def of(cls, store: Store, runs: Sequence[str] = ()) -> Results:
        """Those of some runs, by the beginning of their ids; by default of the one begun last.

        Raises:
            InvalidInputError: the store has no such run.
            StoreError: it cannot be read.
        """
        begun = store.runs()
        if not begun:
            raise InvalidInputError(f"{store.path}: expected results of a benchmark, got none yet")
        for name in runs:
            if sum(run.id.startswith(name) for run in begun) != 1:
                known = ", ".join(run.id for run in begun)
                raise InvalidInputError(f"{store.path}: expected a run out of {known}, got {name}")
        chosen = [run for run in begun if run.id.startswith(tuple(runs))] if runs else begun[-1:]
        parts: list[pd.DataFrame] = []
        cards: dict[str, Card] = {}
        recipes = [Recipe.model_validate_json(run.recipe) for run in chosen]
        expected = 0
        for run, recipe in zip(chosen, recipes, strict=True):
            entries = store.entries(run)
            parts.append(_labelled(store, entries, run.size))
            cards.update({e.checkpoint: Card.from_json(e.card) for e in entries if e.card})
            expected += run.size * recipe.number_of_cells
        rows = pd.concat(parts, ignore_index=True)
        return cls(recipes, rows.drop_duplicates([*LABELS, "position"]), cards, expected)


def _labelled(store: Store, entries: Sequence[Entry], size: int) -> pd.DataFrame:
    rows = store.rows([entry.cell for entry in entries], size)
    labels = pd.DataFrame(
        [(e.victim, e.attack, e.checkpoint, e.seed, e.cell) for e in entries],
        columns=[*LABELS, "cell"],
    )
    return labels.merge(rows, on="cell").drop(columns="cell")
