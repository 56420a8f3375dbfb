"""Attacks with workers on a Ray cluster, or in several processes of this machine."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from ...errors import InvalidInputError, reason_of
from ..recipe import Recipe
from ..row import Row
from .task import Task
from .worker import Worker, Write

LOCAL = "local"
CONNECT_SECONDS = 10
SHARD = 16
"""The examples that a worker takes at once, which are attacked again if the worker is lost."""


class Cluster:
    """Shares out the examples of a task among workers, and makes the rows that one would make.

    Every worker is a process that holds one checkpoint, on a core or, where the cluster has GPUs,
    on a GPU. The shards of a worker that is lost go to another one. Files that the recipe names
    must be there on every machine, at the same place.

    Args:
        recipe: the recipe, which names the data and the limits.
        address: the address of the cluster, or "local" for one on this machine, which ends with
            this object.
        workers: the number of workers; None for one for every GPU, or else for every core.

    Raises:
        InvalidInputError: Ray is not installed, there is no cluster at the address, or it is too
            small.
    """

    def __init__(self, recipe: Recipe, address: str = LOCAL, workers: int | None = None) -> None:
        self._ray = ray = _ray()
        if address not in (LOCAL, "auto"):
            _require_reachable(address)
        local = {"num_cpus": workers, "include_dashboard": False} if address == LOCAL else {}
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise _no_cluster(address, error) from error
        there = ray.cluster_resources()
        unit = "GPU" if there.get("GPU") else "CPU"
        count = workers or int(there[unit])
        if count > there[unit]:  # Ray would wait for more, for ever
            ray.shutdown()
            raise InvalidInputError(
                f"workers: expected at most one for each of the {int(there[unit])} {unit}s of the "
                f"cluster, got {workers}"
            )
        needs = {f"num_{unit.lower()}s": 1}
        remote = ray.remote(**needs, max_restarts=-1, max_task_retries=-1)(_Remote)
        self._actors = [remote.remote(recipe.model_dump_json()) for _ in range(count)]

    def attack(self, task: Task, positions: Sequence[int], write: Write) -> None:
        """Attacks examples as `Worker.attack` does, but writes rows in any order."""
        shards = [positions[start : start + SHARD] for start in range(0, len(positions), SHARD)]
        pool = self._ray.util.ActorPool(self._actors)
        for rows in pool.map_unordered(lambda actor, own: actor.attack.remote(task, own), shards):
            for row in rows:
                write(row)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ray.shutdown()


class _Remote:
    """A `Worker` in a process of its own; Ray starts another one in its place if it is lost."""

    def __init__(self, recipe: str) -> None:
        import torch

        import textattack_attend.benchmark  # noqa: F401  (TextAttack learns our names)

        torch.set_num_threads(1)
        self._worker = Worker(Recipe.model_validate_json(recipe))

    def attack(self, task: Task, positions: Sequence[int]) -> list[Row]:
        rows: list[Row] = []
        self._worker.attack(task, positions, rows.append)
        return rows


def _require_reachable(address: str) -> None:
    """Refuses an address that nobody answers, for which Ray would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> InvalidInputError:
    return InvalidInputError(
        f"ray: expected HOST:PORT of a running cluster, auto, or local, got {address!r} "
        f"({reason_of(error)})"
    )


def _ray() -> Any:
    try:
        import ray
        import ray.util
    except ImportError as error:
        raise InvalidInputError(
            "ray: expected Ray to be installed; pip install 'textattack_attend[ray]'"
        ) from error
    return ray
