"""A worker attacks examples of cells through TextAttack's own attacker, and makes their rows."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from math import inf
from typing import Any

from textattack import Attack, AttackArgs, Attacker
from textattack.attack_results import AttackResult
from textattack.datasets import Dataset
from textattack.goal_functions import GoalFunction
from textattack.loggers import AttackLogManager
from textattack.loggers.logger import Logger

from ...attack_recipes.mean_pooled_encoder import MeanPooledEncoder
from ...attacks.attack import StructureAttack, require_attackable
from ...attacks.goals import goal_function
from ...attacks.identity import attack_identity, model_content
from ...attacks.named import build_attack
from ...attacks.results import StructureAttackResult
from ...attention.threads import one_thread
from ...datasets import dataset_named
from ...datasets.identity import data_identity
from ...errors import InvalidInputError, StoreError
from ...host.quiet import quiet
from ...identity.content import digest_of
from ...models.wrappers import AttentionModelWrapper
from ...process.containment import contained
from ..recipe import Recipe
from ..row import Row
from .loaded import Loaded, load
from .part import Part
from .recording import error_row, row_of
from .task import Task
from .time_limit import limit_seconds
from .transfer import scores

LIBRARIES = (
    "textattack_attend",
    "textattack",
    "torch",
    "transformers",
    "tokenizers",
    "numpy",
    "nltk",
    "flair",
)
"""The libraries that compute, or draw at random, any value of a row."""
Write = Callable[[Row], None]


class Worker:
    """Attacks examples of a recipe's data; keeps the checkpoint that it loaded last.

    Args:
        recipe: the recipe, which names the data and the limits.
        dataset: the data set that the recipe names; None to read it.
        wrapper: the wrapper of the first checkpoint that the recipe names; None to load it.

    Attributes:
        dataset: the data set that is attacked, with the labels that the data have.
        data: the digest of the data set.

    Raises:
        InvalidInputError: there is no such data, or no such encoder.
    """

    def __init__(
        self,
        recipe: Recipe,
        dataset: Dataset | None = None,
        wrapper: AttentionModelWrapper | None = None,
    ) -> None:
        dataset = dataset_named(recipe.data, count=recipe.examples) if dataset is None else dataset
        self.dataset: Dataset = dataset
        self.data = data_identity(recipe.data, self.dataset)
        self._recipe = recipe
        self._encoder = MeanPooledEncoder(recipe.encoder) if recipe.encoder else None
        self._loaded: Loaded | None = None
        if wrapper is not None:
            first = next(iter(recipe.victims.values()))[0]
            self._loaded = Loaded.of(first, wrapper, self.dataset, recipe)

    def key(self, task: Task) -> dict[str, Any]:
        """Returns everything that the rows of a task depend on, by name.

        The content of files counts, not their names or places.

        Raises:
            InvalidInputError: the checkpoint, or a file that the attack names, is missing.
        """
        identity = self.wrapper(task).identity()
        return {
            "victim": {"kind": identity.kind, "parts": dict(identity.parts)},
            "settings": dict(identity.settings),
            "attack": attack_identity(task.attack.recipe, task.attack.options),
            "data": self.data,
            "queries": self._recipe.queries,
            "seconds": self._recipe.seconds,
            "encoder": self._recipe.encoder and model_content(self._recipe.encoder),
            "seed": task.seed,
            "versions": {name: version(name) for name in LIBRARIES},
            **self._of(task).names,
            **task.source_key,
        }

    def wrapper(self, task: Task) -> AttentionModelWrapper:
        """Loads the checkpoint of a task, unless it was loaded last.

        Raises:
            InvalidInputError: there is no such checkpoint.
        """
        return self._of(task).wrapper

    def _of(self, task: Task) -> Loaded:
        """Returns the checkpoint of a task with its data, and loads it unless it was the last."""
        if self._loaded is None or self._loaded.checkpoint != task.checkpoint:
            wrapper = load(task.checkpoint, self._recipe)
            self._loaded = Loaded.of(task.checkpoint, wrapper, self.dataset, self._recipe)
        return self._loaded

    @property
    def _labelled(self) -> Dataset:
        """The data set with labels that count the classes as the loaded checkpoint does."""
        return self._loaded.dataset if self._loaded else self.dataset

    def attack(self, task: Task, positions: Sequence[int], write: Write) -> None:
        """Attacks examples, and writes a row for each, whatever happens to the others.

        Args:
            task: the checkpoint, the attack and the seed.
            positions: the positions of the examples in the data set.
            write: a function that takes every row as soon as it is made.

        Raises:
            AttendError: the checkpoint or the attack is missing, or has changed since the run
                began, or `write` raised the error.
        """
        self._require_unchanged(task)
        attack = self._attack(task)
        every = list(self._attackable(attack, task, positions, write))
        # Side by side, an example's time would be that of the others, too.
        parts = [[one] for one in every] if self._recipe.seconds else [every]
        for part in parts:
            self._attack_all(attack, task.seed, part, write)

    def score(self, task: Task, found: Mapping[int, Row], write: Write) -> None:
        """Scores a checkpoint on what an attack found on another; raises as `attack` does.

        Args:
            task: the checkpoint, and the attack with its source.
            found: the rows of the source by their positions.
            write: a function that takes every row as soon as it is made.

        Raises:
            StructureMismatchError: structures were found on a model of another shape.
        """
        self._require_unchanged(task)
        for row in scores(self.wrapper(task), self._labelled, found, self._error):
            write(row)

    def _attackable(
        self, attack: Attack, task: Task, positions: Sequence[int], write: Write
    ) -> Iterator[int]:
        """Yields the positions of examples that can be attacked, and writes a row for any other.

        The examples of attacks on words are checked as well: TextAttack would count a label that is
        no class as a wrong prediction.
        """
        is_ours = isinstance(attack, StructureAttack)
        goal = attack.goal_function if is_ours else goal_function(self.wrapper(task))
        for position in positions:
            try:
                with contained():
                    columns, label = self._labelled[position]
                    require_attackable(goal, columns, label)
            except Exception as error:  # the data set or the tokenizer may raise any
                write(self._error(position, error))
            else:
                yield position

    def _attack_all(
        self, attack: Attack, seed: int, positions: Sequence[int], write: Write
    ) -> None:
        remaining = deque(positions)
        while remaining:
            try:
                self._attack_in_turn(attack, seed, remaining, write)
            except StoreError:
                raise
            except Exception:  # of the victim, or of the attack: only alone it is known whose
                alone = deque([remaining.popleft()])
                try:
                    self._attack_in_turn(attack, seed, alone, write)
                except StoreError:
                    raise
                except Exception as error:
                    write(self._error(alone[0], error))

    def _attack(self, task: Task) -> Attack:
        wrapper = self.wrapper(task)
        with quiet():
            attack = build_attack(task.attack.recipe, wrapper, **task.attack.options)
        if self._recipe.seconds:
            limit_seconds(attack, self._recipe.seconds, self._recipe.queries or inf)
        return attack

    def _attack_in_turn(
        self, attack: Attack, seed: int, remaining: deque[int], write: Write
    ) -> None:
        """Attacks examples through TextAttack's attacker, and removes the position of each row."""
        args = AttackArgs(
            num_examples=len(remaining),
            query_budget=self._recipe.queries,
            random_seed=seed,
            disable_stdout=True,
            silent=True,
        )
        part = Part(self._labelled, list(remaining), seed)
        attacker = Attacker(attack, part, args)
        attacker.attack_log_manager = AttackLogManager(None)
        recorder = _Recorder(
            remaining,
            attack.goal_function,
            lambda row: write(_with_similarity(self._encoder, attack, row)),
        )
        attacker.attack_log_manager.loggers.append(recorder)
        with quiet(), contained():
            attacker.attack_dataset()

    def _error(self, position: int, error: Exception) -> Row:
        try:
            with contained():
                columns, label = self._labelled[position]
        except Exception:  # then this is the error, whose message says so
            columns, label = {}, None
        return error_row(position, columns.values(), label, error)

    def _require_unchanged(self, task: Task) -> None:
        """Refuses files that changed since the run began, as its rows belong to the old ones."""
        now = self.key(task)
        differing = [
            name for name, own in task.key.items() if digest_of(now[name]) != digest_of(own)
        ]
        if differing:
            raise InvalidInputError(
                f"{task.checkpoint} under {task.attack.recipe}: expected what the run began with, "
                f"but its {', '.join(differing)} changed since; run the recipe again"
            )


def _with_similarity(encoder: MeanPooledEncoder | None, attack: Attack, row: Row) -> Row:
    if encoder is None or row.outcome != "succeeded" or isinstance(attack, StructureAttack):
        return row
    with one_thread():
        before, after = encoder.encode([row.text, row.perturbed or ""])
    return replace(row, similarity=float(before @ after))


class _Recorder(Logger):
    """Makes a row of every result, as soon as TextAttack's attacker has it."""

    def __init__(self, positions: deque[int], goal_function: GoalFunction, write: Write) -> None:
        self._positions = positions
        self._goal_function = goal_function
        self._write = write
        self._since = time.perf_counter()

    def log_attack_result(self, result: AttackResult, examples_completed: Any = None) -> None:
        """Writes the row of a result, as a hook of TextAttack."""
        # Attacks on attention share their time, so that the time between two results is no one's.
        between = time.perf_counter() - self._since
        seconds = result.seconds if isinstance(result, StructureAttackResult) else between
        self._write(row_of(self._positions[0], result, seconds, self._goal_function))
        self._positions.popleft()
        self._since = time.perf_counter()
