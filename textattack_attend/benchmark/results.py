"""The results of a run, or of several: rows with the labels of their recipes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd
from pydantic import ValidationError

from ..checkpoints.card import Card
from ..errors import InvalidInputError, StoreError, described, first_of, listed
from ..errors.printable import in_one_line, shortened
from .class_names import LABELS, named_rows
from .reading import changed
from .recipe import Recipe
from .recipe_mistakes import mistakes_of
from .records import Entry, Run, Session
from .requirements import require_store
from .store import Store

Labels = tuple[str, str, str, int]
MOST_NAMES = 32
"""The most names that a recipe may give to one cell, by naming one victim or attack repeatedly."""
MOST_SHOWN = 5
"""The most victims, and attacks, that the `repr` of results names."""
LONGEST_MISTAKES = 500
"""The most characters of a recipe's mistakes that a message repeats."""
WITHIN = ("victim", "model", "seed", "versions", "placed", "source cell")
"""The fields in which cells of one victim and attack may differ; version 0 has "model"."""


class Cell(NamedTuple):
    """A cell, to which rows belong.

    Args:
        id: the id of the cell.
        key: everything that its rows depend on, by name: the victim, the attack, the data and more.
        size: the number of rows of the cell once it is done.
    """

    id: str
    key: dict[str, Any]
    size: int


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """The results of runs in a store, which is only read.

    Args:
        recipes: the recipes of the runs, in the order in which the runs were begun.
        rows: the fields of `Row`, after victim, attack, checkpoint and seed, with the names of the
            classes beside their numbers, see `named_rows`.
        cards: the cards of trained models, by checkpoint.
        cells: the cells of every victim, attack, checkpoint and seed.
        runs: the runs, each with its sessions: when, by what command and on what device it ran.
    """

    recipes: list[Recipe]
    rows: pd.DataFrame
    cards: dict[str, Card]
    cells: dict[Labels, Cell]
    runs: list[tuple[Run, list[Session]]] = field(default_factory=list)

    def __repr__(self) -> str:
        victims, attacks = (
            first_of([in_one_line(label) for label in self.rows[name].unique()], MOST_SHOWN)
            for name in ("victim", "attack")
        )
        return f"<Results: {len(self.rows)} rows; victims: {victims}; attacks: {attacks}>"

    def _repr_html_(self) -> str:
        """Returns the tables that a notebook shows."""
        from .html import html_of  # its tables are made of results

        return html_of(self)

    @property
    def expected(self) -> int:
        """The number of rows that the results have once the runs are done."""
        return sum(cell.size for cell in self.cells.values())

    @classmethod
    def of(cls, store: Store | str | os.PathLike[str], runs: Sequence[str] = ()) -> Results:
        """Reads the results of runs, which the beginnings of their ids name.

        Args:
            store: the store of the runs, or the path of its file.
            runs: beginnings of the ids of runs; empty for the run that was begun last.

        Raises:
            InvalidInputError: the store has no such run, or no row of it yet; or runs do not go
                together.
            StoreError: the store cannot be read.
        """
        store = require_store(store, new=False)
        begun = store.runs()
        if not begun:
            raise InvalidInputError(
                f"{store.path}: expected results of a benchmark, got none yet; `textattack-attend "
                "benchmark` makes them"
            )
        for name in runs:
            if sum(run.id.startswith(name) for run in begun) != 1:
                known = ", ".join(run.id for run in begun)
                raise InvalidInputError(f"{store.path}: expected a run out of {known}, got {name}")
        chosen = [run for run in begun if run.id.startswith(tuple(runs))] if runs else begun[-1:]
        results = cls.together([cls._of_run(store, run) for run in chosen])
        if results.rows.empty:
            raise InvalidInputError(
                f"{store.path}: expected attacked examples, got none of this run yet"
            )
        return results

    @classmethod
    def together(cls, parts: Sequence[Results]) -> Results:
        """Joins the results of several runs, or stores; a row that two of them have counts once.

        Raises:
            InvalidInputError: one label stands for different cells in two of them.
        """
        cells = _merged(part.cells for part in parts)
        rows = pd.concat([part.rows for part in parts], ignore_index=True)
        return cls(
            [recipe for part in parts for recipe in part.recipes],
            rows.drop_duplicates([*LABELS, "position"], ignore_index=True),
            {checkpoint: card for part in parts for checkpoint, card in part.cards.items()},
            cells,
            [run for part in parts for run in part.runs],
        )

    @classmethod
    def _of_run(cls, store: Store, run: Run) -> Results:
        recipe = _recipe(store, run)
        entries = store.entries(run)
        _require_of_recipe(entries, recipe, store)
        said = {entry.checkpoint: entry.card for entry in entries if entry.card}
        cards = {name: _card(card, store.path) for name, card in said.items()}
        keys = store.keys([entry.cell for entry in entries])
        for entry in entries:
            if entry.cell not in keys:
                raise StoreError(
                    f"{store.path}: expected the cell {entry.cell} that its run {run.id} names, "
                    "got none; the store is not complete: run the recipe again"
                )
        rows = _labelled(store, entries, run.size)
        counted = _counted(store, recipe, entries, keys, run.size)
        for (attack, cell), own in counted.items():
            is_other = (rows["attack"] != attack) | (rows["cell"] != cell)
            rows = rows[is_other | rows["position"].isin(own)]
        rows = rows.drop(columns="cell").reset_index(drop=True)
        sizes = {name: len(own) for name, own in counted.items()}
        cells = {
            (e.victim, e.attack, e.checkpoint, e.seed): Cell(
                e.cell, keys[e.cell], sizes.get((e.attack, e.cell), run.size)
            )
            for e in entries
        }
        rows = named_rows(rows, recipe, cells, store.path)
        return cls([recipe], rows, cards, cells, [(run, store.sessions(run))])


def _recipe(store: Store, run: Run) -> Recipe:
    try:
        return Recipe.model_validate_json(run.recipe)
    except ValidationError as error:
        said = shortened(listed(mistakes_of(error, Recipe)), LONGEST_MISTAKES)
        raise StoreError(
            f"{store.path}: the recipe of its run {run.id} cannot be understood "
            f"({said}); read the store with the version of "
            "textattack_attend that wrote it, or run another recipe into a new store"
        ) from error


def _require_of_recipe(entries: Sequence[Entry], recipe: Recipe, store: Store) -> None:
    """Refuses names that the recipe of a run lacks, and cells that have too many names."""
    victims = {label: set(checkpoints) for label, checkpoints in recipe.victims.items()}
    for entry in entries:
        known = victims.get(entry.victim, set())
        if entry.checkpoint not in known or entry.attack not in recipe.attacks:
            raise changed(
                store.path,
                f"expected the victims and the attacks of the recipe, got {described(entry.attack)}"
                f" on {described(entry.victim)}",
            )
    counts = Counter(entry.cell for entry in entries)
    for cell, names in counts.most_common(1):
        if names > MOST_NAMES:
            raise changed(
                store.path, f"expected at most {MOST_NAMES} names of the cell {cell}, got {names}"
            )


def _merged(parts: Iterable[dict[Labels, Cell]]) -> dict[Labels, Cell]:
    """Returns the cells of all parts, or refuses a label that stands for different cells."""
    merged: dict[Labels, Cell] = {}
    first: dict[tuple[str, str], Cell] = {}
    for labels, cell in (item for part in parts for item in part.items()):
        victim, attack, *_ = labels
        known = merged.setdefault(labels, cell)
        differing = [
            *_differing(first.setdefault((victim, attack), cell), cell, WITHIN),
            *_differing(known, cell),
        ]
        if differing:
            raise InvalidInputError(
                f"{attack} on {victim}: expected runs that go together, got some that differ in "
                f"{', '.join(dict.fromkeys(differing))}; look at each by itself (--run, --store), "
                "or give the victim or the attack another label in one recipe"
            )
        merged[labels] = max(known, cell, key=lambda own: own.size)
    return merged


def _differing(one: Cell, other: Cell, but: Collection[str] = ()) -> list[str]:
    names = [name for name in {**one.key, **other.key} if name not in (*but, "labels")]
    return [name for name in names if one.key.get(name) != other.key.get(name)]


def _labelled(store: Store, entries: Sequence[Entry], size: int) -> pd.DataFrame:
    rows = store.rows([entry.cell for entry in entries], size)
    labels = pd.DataFrame(
        [(e.victim, e.attack, e.checkpoint, e.seed, e.cell) for e in entries],
        columns=[*LABELS, "cell"],
    )
    return labels.merge(rows, on="cell")


def _counted(
    store: Store,
    recipe: Recipe,
    entries: Sequence[Entry],
    keys: Mapping[str, Mapping[str, Any]],
    size: int,
) -> dict[tuple[str, str], set[int]]:
    """Returns the positions that count, by attack and cell, where only successes on a source do."""
    found: dict[tuple[str, str], set[int]] = {}
    for entry in entries:
        if recipe.attacks[entry.attack].on == "successes":
            source = store.found(str(keys[entry.cell].get("source cell")), size)
            successes = {at for at, row in source.items() if row.outcome == "succeeded"}
            found[entry.attack, entry.cell] = successes
    return found


def _card(text: str, path: str) -> Card:
    """Reads a card that a store holds; the advice about files of cards does not fit there."""
    try:
        return Card.from_json(text, path)
    except InvalidInputError as error:
        problem, _, _ = str(error).removeprefix(f"{path}: ").partition("; ")
        raise changed(path, problem) from error
