"""Runs a recipe, by attacking the examples that have no row in the store yet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from ...checkpoints.card import Card
from ...errors import AttendError, InvalidInputError, StructureMismatchError
from ...models.wrappers import AttentionModelWrapper
from ...process.progress import say
from ..claims import Claims
from ..recipe import Recipe
from ..recipe_fields import NamedAttack
from ..records import Entry, Run, Session
from ..requirements import require_recipe, require_store
from ..results import Results
from ..row import Row
from ..store import Store
from .cluster import Cluster
from .device import device_in_words
from .rehearsal import loader_of, rehearse
from .shown import ShownRun
from .task import Task
from .worker import Worker, Write

Work = tuple[Entry, Task]
"""A cell by the names that a run gives it, and what has to be done for it."""


class Benchmark:
    """A recipe and the store of its results.

    Args:
        recipe: the recipe to run.
        store: the store to which rows are written, or the path of its file.
        cluster: the cluster that attacks examples; None to attack them in this process.
        worker: the worker of the recipe, if its data or its victim are in memory already.
        command: the command line that runs the recipe, which the store keeps; None from Python.

    Attributes:
        id: the id of the run in the store.
        size: the number of examples that each attack runs on.

    Raises:
        InvalidInputError: the rehearsal found mistakes; the message names all of them.
        StoreError: the store cannot be written.
    """

    def __init__(
        self,
        recipe: Recipe,
        store: Store | str | os.PathLike[str],
        cluster: Cluster | None = None,
        worker: Worker | None = None,
        command: str | None = None,
    ) -> None:
        self.recipe = recipe = require_recipe(recipe)
        self._command = command
        self._worker = worker or _worker_of(recipe)
        self._attackers = cluster or self._worker
        whole = len(self._worker.dataset)
        self.size = min(whole, recipe.examples or whole)
        self.store = require_store(store)
        say(f"trying the attacks ({', '.join(recipe.attacks)}) on an example each")
        try:
            rehearse(recipe, self._load, self._is_due, dataset=self._worker.dataset)
        except AttendError:
            if self.store is not store:  # a file that nobody asked for by itself
                self.store.delete_if_empty()
            raise
        self._run: Run = self.store.begin(recipe.model_dump_json(), self._worker.data, self.size)
        self.id = self._run.id
        self._claims = Claims(self.store)

    def run(self) -> int:
        """Attacks the missing examples, and waits for those that other processes attack.

        Returns:
            The number of examples that this process attacked.

        Raises:
            AttendError: a checkpoint or an attack is missing, or the store cannot be written.
        """
        # All are entered before the first is attacked: what a killed run shows is never of other
        # weights or libraries than it has now.
        sources = self._sources()
        entries = list(self._entries(sources))
        for entry, _ in entries:
            self.store.enter(self._run, entry)
        # Sources come first, because victims are scored on what was found there.
        every = [*sources.values(), *entries]
        shown = ShownRun(self.store, [entry for entry, _ in every], self.size)
        with closing(shown), self._recorded(every):
            attacked = self._attack_all(every, shown)
        self._claims.delete_abandoned()
        return attacked

    @contextmanager
    def _recorded(self, entries: Sequence[Work]) -> Iterator[None]:
        """Records when, by what and where the run is worked on, unless it is done already."""
        if not any(self.store.missing(entry.cell, self.size) for entry, _ in entries):
            yield
            return
        device = "a Ray cluster" if self._attackers is not self._worker else device_in_words()
        session = Session(self.id, _now(), None, self._command, device)
        self.store.record(session)
        yield
        self.store.record(replace(session, ended=_now()))

    def _attack_all(self, entries: Sequence[Work], shown: ShownRun) -> int:
        """Attacks all cells, those last that other processes attack now."""
        attacked, left = 0, []
        for entry, task in entries:
            if not self.store.missing(entry.cell, self.size):
                continue
            with self._claims.if_free(entry.cell) as claimed:
                if claimed:
                    attacked += self._attack(entry, task, shown)
                else:
                    left.append((entry, task))
        for entry, task in left:
            with self._claims.once_free(entry.cell):
                attacked += self._attack(entry, task, shown)
        return attacked

    def results(self) -> Results:
        """Returns the results of the run as far as it is done.

        Raises:
            InvalidInputError: no example was attacked yet.
            StoreError: the store cannot be read.
        """
        return Results.of(self.store, [self.id])

    def _load(self, checkpoint: str) -> AttentionModelWrapper:
        attack = next(iter(self.recipe.attacks.values()))
        return self._worker.wrapper(Task(checkpoint, attack, self.recipe.seeds[0]))

    def _is_due(self, checkpoint: str, attack: NamedAttack) -> bool:
        """Returns whether the store lacks rows of a checkpoint under an attack.

        Nothing is searched on a checkpoint that is only scored.
        """
        if attack.source and checkpoint not in self.recipe.victims[attack.source]:
            return False
        if not self.store.runs():
            return True
        tasks = [Task(checkpoint, attack, seed) for seed in self.recipe.seeds]
        cells = [self.store.cell(self._worker.key(task)) for task in tasks]
        return any(self.store.missing(cell, self.size) for cell in cells)

    def _sources(self) -> dict[tuple[str, int], Work]:
        """Returns the source of each transfer and seed, an adaptive attack that runs may share."""
        found = {}
        for label, attack in self.recipe.attacks.items():
            if attack.source is None:
                continue
            (checkpoint,) = self.recipe.victims[attack.source]
            searched = NamedAttack(recipe=attack.recipe, options=attack.options)
            for seed in self.recipe.seeds:
                task = Task(checkpoint, searched, seed)
                name = label.removesuffix(attack.protocol)
                found[label, seed] = self._work(attack.source, name, task)
        return found

    def _entries(self, sources: Mapping[tuple[str, int], Work]) -> Iterator[Work]:
        """Yields every checkpoint under every attack, the attacks of a checkpoint in a row."""
        found = {
            label_and_seed: (entry.cell, task.key["victim"])
            for label_and_seed, (entry, task) in sources.items()
        }
        for victim, checkpoints in self.recipe.victims.items():
            for checkpoint in checkpoints:
                for label, attack in self.recipe.attacks.items():
                    for seed in self.recipe.seeds:
                        task = Task(checkpoint, attack, seed, found.get((label, seed)))
                        yield self._work(victim, label, task)

    def _work(self, victim: str, label: str, task: Task) -> Work:
        """Begins the cell of a task, and names it."""
        card = Card.of(Path(task.checkpoint))
        key = self._worker.key(task)
        _require_own_card(card, task.checkpoint, key["victim"]["parts"])
        said = card.to_json() if card else None
        entry = Entry(victim, label, task.checkpoint, task.seed, self.store.cell(key), said)
        return entry, replace(task, key=key)

    def _attack(self, entry: Entry, task: Task, shown: ShownRun) -> int:
        """Attacks the missing examples of a claimed cell, and returns their number.

        Other processes may have attacked some of them meanwhile.
        """
        missing = self.store.missing(entry.cell, self.size)
        with shown.cell(entry, len(missing)) as count:

            def write(row: Row) -> None:
                self.store.add(entry.cell, row)
                count(row)

            if missing and task.source:
                self._score(entry, task, missing, write)
            elif missing:
                self._attackers.attack(task, missing, write)
        return len(missing)

    def _score(self, entry: Entry, task: Task, missing: Sequence[int], write: Write) -> None:
        """Scores a checkpoint on what was found on the source, unless structures do not fit it."""
        assert task.source is not None
        found = self.store.found(task.source[0], self.size)
        try:
            self._worker.score(task, {position: found[position] for position in missing}, write)
        except StructureMismatchError as error:
            say(f"{entry.attack} on {entry.victim}: left empty ({error})")


def _worker_of(recipe: Recipe) -> Worker:
    """Returns the worker of a recipe, or raises one error that names all mistakes of the recipe."""
    try:
        return Worker(recipe)
    except InvalidInputError:
        rehearse(recipe, loader_of(recipe))
        raise


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _require_own_card(card: Card | None, checkpoint: str, parts: dict[str, str]) -> None:
    """Refuses a card that was written for another model than the one beside it.

    If transformers has another version than in the card, it may build the same model otherwise, so
    a difference proves nothing.
    """
    if card is None or card.identity is None:
        return
    if card.versions.get("transformers") != version("transformers"):
        return
    differing = [name for name, digest in parts.items() if card.identity.get(name) != digest]
    if differing:
        raise InvalidInputError(
            f"{checkpoint}: expected the model that its card was written for, got one that differs "
            f"in {', '.join(differing)}; delete the card, or put the model back"
        )
