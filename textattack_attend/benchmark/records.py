"""The records of a store beside its examples: runs, their sessions and entries, and writers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """A recipe on its data.

    Args:
        id: a hash of the recipe and the data.
        recipe: the recipe as JSON.
        size: number of examples that each attack runs on.
        begun: the time at which the run first began, in UTC.
    """

    id: str
    recipe: str
    size: int
    begun: str


@dataclass(frozen=True)
class Session:
    """The work of one process on a run; a run that was killed, or grew, has several.

    Args:
        run: the id of the run.
        begun: the time at which the process began to attack, in UTC.
        ended: the time at which the process had attacked everything, in UTC; None of one that was
            stopped.
        command: the command line; None of a run that was begun from Python.
        device: the device on which the victims were attacked.
    """

    run: str
    begun: str
    ended: str | None
    command: str | None
    device: str


@dataclass(frozen=True)
class Entry:
    """The name that a run gives to a cell.

    Args:
        victim: label of the victim.
        attack: label of the attack.
        checkpoint: folder or hub name.
        seed: the seed of the attack.
        cell: the id of the cell.
        card: the card of the checkpoint as JSON; None if it has none.
    """

    victim: str
    attack: str
    checkpoint: str
    seed: int
    cell: str
    card: str | None


@dataclass(frozen=True)
class Writer:
    """The process that attacked a cell last.

    Args:
        cell: the id of the cell.
        pid: the number of the process.
        host: the name of its machine.
        since: the time at which it began, in UTC.
    """

    cell: str
    pid: int
    host: str
    since: str
