"""Runs a recipe, by attacking the examples that have no row in the store yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tqdm import tqdm

from ...checkpoints.card import Card
from ...errors import InvalidInputError
from ...errors.printable import in_one_line
from ...models.wrappers import AttentionModelWrapper
from ..claims import Claims
from ..recipe import NamedAttack, Recipe
from ..records import Entry, Run, Session
from ..row import Row
from ..store import Store
from .cluster import Cluster
from .rehearsal import loader_of, rehearse
from .worker import Task, Worker, device_in_words


class Benchmark:
    """A recipe and the store of its results.

    Args:
        recipe: the recipe to run.
        store: the store to which rows are written.
        cluster: the cluster that attacks examples; None to attack them in this process.
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
        store: Store,
        cluster: Cluster | None = None,
        command: str | None = None,
    ) -> None:
        self.recipe = recipe
        self._command = command
        self.store = store
        self._worker = _worker_of(recipe)
        self._attackers = cluster or self._worker
        whole = len(self._worker.dataset)
        self.size = min(whole, recipe.examples or whole)
        rehearse(recipe, self._load, self._is_due)
        self._run: Run = store.begin(recipe.model_dump_json(), self._worker.data, self.size)
        self.id = self._run.id
        self._claims = Claims(store)

    def run(self) -> int:
        """Attacks the missing examples, and waits for those that other processes attack.

        Returns:
            The number of examples that this process attacked.

        Raises:
            AttendError: a checkpoint or an attack is missing, or the store cannot be written.
        """
        # All are entered before the first is attacked: what a killed run shows is never of other
        # weights or libraries than it has now.
        entries = list(self._entries())
        for entry, _ in entries:
            self.store.enter(self._run, entry)
        if not any(self.store.missing(entry.cell, self.size) for entry, _ in entries):
            return 0
        session = Session(self.id, _now(), None, self._command, self._device())
        self.store.record(session)
        attacked = self._attack_all(entries)
        self.store.record(replace(session, ended=_now()))
        return attacked

    def _attack_all(self, entries: Sequence[tuple[Entry, Task]]) -> int:
        """Attacks the missing examples of all cells, and returns their number."""
        attacked, left = 0, []
        for entry, task in entries:
            if not self.store.missing(entry.cell, self.size):
                continue
            with self._claims.if_free(entry.cell) as claimed:
                if claimed:
                    attacked += self._attack(entry, task)
                else:
                    left.append((entry, task))
        for entry, task in left:
            with self._claims.once_free(entry.cell):
                attacked += self._attack(entry, task)
        self._claims.delete_abandoned()
        return attacked

    def _device(self) -> str:
        """Returns the device on which victims are attacked, in words."""
        if self._attackers is not self._worker:
            return "a Ray cluster"
        return device_in_words()

    def _load(self, checkpoint: str) -> AttentionModelWrapper:
        attack = next(iter(self.recipe.attacks.values()))
        return self._worker.wrapper(Task(checkpoint, attack, self.recipe.seeds[0]))

    def _is_due(self, checkpoint: str, attack: NamedAttack) -> bool:
        """Returns whether the store lacks rows of a checkpoint under an attack."""
        if not self.store.runs():
            return True
        tasks = [Task(checkpoint, attack, seed) for seed in self.recipe.seeds]
        cells = [self.store.cell(self._worker.key(task)) for task in tasks]
        return any(self.store.missing(cell, self.size) for cell in cells)

    def _entries(self) -> Iterator[tuple[Entry, Task]]:
        """Yields every checkpoint under every attack, the attacks of a checkpoint in a row."""
        for victim, checkpoints in self.recipe.victims.items():
            for checkpoint in checkpoints:
                card = Card.of(Path(checkpoint))
                for label, attack in self.recipe.attacks.items():
                    for seed in self.recipe.seeds:
                        task = Task(checkpoint, attack, seed)
                        key = self._worker.key(task)
                        _require_own_card(card, checkpoint, key["victim"]["parts"])
                        said = card.to_json() if card else None
                        cell = self.store.cell(key)
                        yield (
                            Entry(victim, label, checkpoint, seed, cell, said),
                            replace(task, key=key),
                        )

    def _attack(self, entry: Entry, task: Task) -> int:
        """Attacks the missing examples of a claimed cell, and returns their number.

        Other processes may have attacked some of them meanwhile.
        """
        missing = self.store.missing(entry.cell, self.size)
        if not missing:
            return 0
        with _Progress(entry, len(missing)) as progress:

            def write(row: Row) -> None:
                self.store.add(entry.cell, row)
                progress.show(row)

            self._attackers.attack(task, missing, write)
        return len(missing)


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


class _Progress(tqdm):
    """A progress bar with the ASR so far, which is only shown on a terminal."""

    def __init__(self, entry: Entry, total: int) -> None:
        name = in_one_line(f"{entry.attack} on {entry.victim} ({entry.checkpoint})")
        super().__init__(total=total, desc=name, disable=None, dynamic_ncols=True)
        self._attacked = self._succeeded = 0

    def show(self, row: Row) -> None:
        self._attacked += row.outcome in ("succeeded", "failed")
        self._succeeded += row.outcome == "succeeded"
        if self._attacked:
            self.set_postfix_str(f"ASR {self._succeeded / self._attacked:.1%}", refresh=False)
        self.update()
