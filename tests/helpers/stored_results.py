"""Makes results of a benchmark from given rows."""

from __future__ import annotations

from typing import Any

from textattack_attend.benchmark import Recipe, Results, Store
from textattack_attend.benchmark.records import Entry
from textattack_attend.benchmark.row import Row


def results_of(
    store: Store,
    rows: dict[tuple[str, str, str], list[Row]],
    run: str = "",
    attacks: dict[str, Any] | None = None,
    data: str = "data",
) -> Results:
    """Returns the results of a run with given rows, by victim, attack and checkpoint."""
    checkpoints: dict[str, list[str]] = {}
    for victim, checkpoint in dict.fromkeys((v, c) for v, _, c in rows):
        checkpoints.setdefault(victim, []).append(checkpoint)
    named: Any = attacks or {attack: {"recipe": attack} for _, attack, _ in rows}
    recipe = Recipe(data=data, victims=checkpoints, attacks=named)
    begun = store.begin(recipe.model_dump_json(), run, max(map(len, rows.values())))
    for (victim, attack, checkpoint), own in rows.items():
        key = {"model": checkpoint, "attack": attack, "data": data, "versions": run}
        cell = store.cell(key)
        store.enter(begun, Entry(victim, attack, checkpoint, 0, cell, None))
        for one in own:
            store.add(cell, one)
    return Results.of(store, [begun.id])


def row(position: int, outcome: str, seconds: float = 1.0, **fields: Any) -> Row:
    """Returns the row of an example whose text is its position."""
    return Row(position, outcome, 0, seconds, str(position), **fields)


def structured(
    position: int, outcome: str, seconds: float, queries: int, candidates: int, *hamming: float
) -> Row:
    """Returns the row of an attack on attention."""
    fields: dict[str, Any] = {"queries": queries, "candidate_queries": candidates}
    if hamming:
        fields |= {"hamming": hamming[0], "matrices": 3}
    return row(position, outcome, seconds, **fields)
