"""Compares the time of the benchmark with that of TextAttack's runner on the same examples."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from textattack import AttackArgs, Attacker

from textattack_attend.attacks.named import build_attack
from textattack_attend.benchmark import Recipe, Store
from textattack_attend.benchmark.running.task import Task
from textattack_attend.benchmark.running.worker import Worker
from textattack_attend.host.quiet import quiet


@dataclass(frozen=True)
class Overhead:
    """The times of one attack with and without the benchmark.

    Args:
        attack: the label of the attack.
        bare: the seconds of TextAttack's runner in its fastest round.
        benchmark: the seconds of the benchmark, which writes every row, in its fastest round.
    """

    attack: str
    bare: float
    benchmark: float


def overheads(recipe: Recipe, rounds: int) -> Iterator[Overhead]:
    """Yields the times of every attack of a recipe, and of building it, on the first checkpoint."""
    worker = Worker(recipe)
    checkpoint = next(iter(recipe.victims.values()))[0]
    size = min(recipe.examples or len(worker.dataset), len(worker.dataset))
    for label, attack in recipe.attacks.items():
        task = Task(checkpoint, attack, recipe.seeds[0])
        worker.attack(task, range(1), lambda row: None)  # loads the checkpoint, and warms up
        seconds: dict[Callable[..., float], list[float]] = {_bare: [], _stored: []}
        for number in range(rounds):
            # Neither is always the first: a machine may be slower a little later.
            for timed in (_bare, _stored) if number % 2 else (_stored, _bare):
                seconds[timed].append(timed(worker, task, size))
        yield Overhead(label, min(seconds[_bare]), min(seconds[_stored]))


def _bare(worker: Worker, task: Task, size: int) -> float:
    start = time.perf_counter()
    with quiet():
        attack = build_attack(task.attack.recipe, worker.wrapper(task), **task.attack.options)
        args = AttackArgs(num_examples=size, disable_stdout=True, silent=True)
        Attacker(attack, worker.dataset, args).attack_dataset()
    return time.perf_counter() - start


def _stored(worker: Worker, task: Task, size: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store.sqlite")
        start = time.perf_counter()
        worker.attack(task, range(size), lambda row: store.add("cell", row))
        seconds = time.perf_counter() - start
        store.close()
    return seconds
