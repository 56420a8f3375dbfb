"""The results of a run, or of several: rows with the labels of their recipes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ..card import Card
from ..errors import InvalidInputError
from .recipe import Recipe
from .store import Entry, Run, Store

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
        return cls.together([cls._of_run(store, run) for run in chosen])

    @classmethod
    def together(cls, parts: Sequence[Results]) -> Results:
        """Those of several runs, or stores; a row that two of them have counts once."""
        rows = pd.concat([part.rows for part in parts], ignore_index=True)
        return cls(
            [recipe for part in parts for recipe in part.recipes],
            rows.drop_duplicates([*LABELS, "position"], ignore_index=True),
            {checkpoint: card for part in parts for checkpoint, card in part.cards.items()},
            sum(part.expected for part in parts),
        )

    @classmethod
    def _of_run(cls, store: Store, run: Run) -> Results:
        recipe = Recipe.model_validate_json(run.recipe)
        entries = store.entries(run)
        cards = {e.checkpoint: Card.from_json(e.card) for e in entries if e.card}
        expected = run.size * recipe.number_of_cells
        return cls([recipe], _labelled(store, entries, run.size), cards, expected)


def _labelled(store: Store, entries: Sequence[Entry], size: int) -> pd.DataFrame:
    rows = store.rows([entry.cell for entry in entries], size)
    labels = pd.DataFrame(
        [(e.victim, e.attack, e.checkpoint, e.seed, e.cell) for e in entries],
        columns=[*LABELS, "cell"],
    )
    return labels.merge(rows, on="cell").drop(columns="cell")
