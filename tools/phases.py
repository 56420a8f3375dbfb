"""Tells where the time of an attack goes, by a clock around a few functions of the package."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any
from unittest.mock import patch

from textattack.attack_results import SkippedAttackResult

from textattack_attend.analysis.example import Example
from textattack_attend.attacks.attack import StructureAttack
from textattack_attend.attention import ForwardPass, Visit
from textattack_attend.structures import Structure
from textattack_attend.victims.victim import CleanPass, Victim

from .floor import now

REST = "rest"
PHASES = ("passes", "units", "probes", "candidates", "confirmation", REST)
"""The phases of an attack: the forward passes that can be differentiated with their backward
passes; the choice of units by the gradient; the evaluation of probes, and that of candidates; the
passes over one text alone, which confirm the first and the last answer; and everything else."""


class Clock:
    """Adds up the seconds of each phase, without those of phases inside it.

    Attributes:
        seconds: the seconds of each phase so far.
    """

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self._open = [REST]
        self._since = now()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Counts the time inside the context for a phase."""
        self._count()
        self._open.append(name)
        try:
            yield
        finally:
            self._count()
            self._open.pop()

    def _count(self) -> None:
        moment = now()
        self.seconds[self._open[-1]] += moment - self._since
        self._since = moment

    def around(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Returns a function that does the same, and is counted for a phase."""

        @wraps(call)
        def timed(*arguments: Any, **options: Any) -> Any:
            with self.phase(name):
                return call(*arguments, **options)

        return timed


@dataclass(frozen=True)
class Phases:
    """The time of an attack on some examples, by phase.

    Args:
        attacked: the number of correctly classified examples.
        seconds: the seconds of each phase, for all examples.
    """

    attacked: int
    seconds: dict[str, float]

    @property
    def per_attack(self) -> float:
        """The seconds for an attacked example, the time of skipped ones included."""
        return sum(self.seconds.values()) / max(1, self.attacked)

    def share(self, name: str) -> float:
        """Returns the share of a phase in the time of the attack."""
        return self.seconds[name] / sum(self.seconds.values())


def phases_of(attack: StructureAttack, examples: Sequence[Example]) -> Phases:
    """Attacks one example after another, and tells where the time goes.

    An example is attacked alone, so that a batch holds either probes or candidates.
    """
    clock, attacked = Clock(), 0
    with _counted(clock), clock.phase(REST):
        for example in examples:
            attacked += not isinstance(attack.attack(*example), SkippedAttackResult)
    return Phases(attacked, clock.seconds)


@contextmanager
def _counted(clock: Clock) -> Iterator[None]:
    """Counts, inside the context, the phases of every attack."""
    show, evaluate = ForwardPass.each_layer, Victim.logits_from

    def each_layer(self: ForwardPass, visit: Visit) -> None:
        with clock.phase("passes"):
            show(self, clock.around(visit, "units"))

    def logits_from(self: Victim, asked: Sequence[tuple[CleanPass, Structure]]) -> Any:
        with clock.phase("probes" if _masks_whole_matrices(asked[0][1]) else "candidates"):
            return evaluate(self, asked)

    with ExitStack() as changed:
        for owner, name, counted in (
            (ForwardPass, "each_layer", each_layer),
            (Victim, "logits_from", logits_from),
            (Victim, "forward_passes", clock.around(Victim.forward_passes, "passes")),
            (Victim, "logits_alone", clock.around(Victim.logits_alone, "confirmation")),
        ):
            changed.enter_context(patch.object(owner, name, counted))
        yield


def _masks_whole_matrices(structure: Structure) -> bool:
    """Returns whether a structure is a probe, which masks every unit of a matrix."""
    layer, head = structure.matrices[0]
    return len(structure.cells(layer, head)) == int(structure.shape.visible(layer).sum())
