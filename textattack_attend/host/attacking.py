"""Makes TextAttack's attacker check the data first, and read examples ahead for our attacks."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from typing import Any

from textattack import Attack, AttackArgs, Attacker
from textattack.goal_functions import ClassificationGoalFunction
from textattack.shared import AttackedText

from ..errors import InvalidInputError
from .data import is_limited
from .interrupt import note


def with_checks_and_metrics(original: Any) -> Any:
    """Makes an attacker check the examples before it begins, and add our rows to its summary."""

    def attack_dataset(self: Attacker) -> Any:
        args = self.attack_args
        self.attack_args = copy.copy(args)  # the caller may use them for another attack
        self.attack_args.metrics = {**_summary_rows(self.attack), **(args.metrics or {})}
        self.begun = time.time()
        try:
            return _attack_dataset(self, original)
        except KeyboardInterrupt as interrupt:
            note(interrupt, self)
            raise
        finally:
            self.attack_args = args

    return attack_dataset


def _attack_dataset(attacker: Attacker, original: Any) -> Any:
    from ..attacks.attack import StructureAttack

    attack, args = attacker.attack, attacker.attack_args
    attacker.dataset = _with_names(attacker)
    if attacker._checkpoint is None:
        _require_examples(args.num_examples_offset, len(attacker.dataset))
    if not isinstance(attack, StructureAttack):
        return original(attacker)
    attack.check_dataset(attacker.dataset, _positions(args, len(attacker.dataset)))
    if args.parallel:  # the attack is sent to other processes, which share out the examples
        return original(attacker)
    with attack.looking_ahead(_upcoming(attacker)):
        return original(attacker)


def _with_names(attacker: Attacker) -> Any:
    """Returns the data set with labels that count the classes as the model does."""
    from ..datasets import for_model
    from ..models.wrappers import class_names_of

    goal = attacker.attack.goal_function
    if not isinstance(goal, ClassificationGoalFunction):  # others have texts in place of labels
        return attacker.dataset
    given = getattr(attacker.attack_args, "label_names", ())
    return for_model(attacker.dataset, class_names_of(goal.model, given))


def _require_examples(offset: int, size: int) -> None:
    """Refuses a run that has nothing to attack.

    Raises:
        InvalidInputError: the data set is empty, or the offset lies outside it.
    """
    if not size:
        raise InvalidInputError("expected a data set with examples, got an empty one")
    if not 0 <= offset < size:
        raise InvalidInputError(
            f"num_examples_offset: expected at most {size - 1}, as the data set has {size} "
            f"examples, got {offset}"
        )


def _summary_rows(attack: Attack) -> dict[str, Any]:
    """Returns the rows to add to TextAttack's summary."""
    from ..attacks.attack import StructureAttack
    from ..attacks.metrics import STRUCTURE_METRICS, FixedRow

    defense = getattr(attack.goal_function.model, "defense", None)
    said = {} if defense is None else {"Defense:": FixedRow(defense)}
    return said | (STRUCTURE_METRICS if isinstance(attack, StructureAttack) else {})


def _positions(args: AttackArgs, size: int) -> range:
    """Returns the positions of the examples that a run may reach."""
    stop = args.num_examples_offset + args.num_examples if is_limited(args) else size
    return range(args.num_examples_offset, min(stop, size))


def _upcoming(attacker: Attacker) -> Iterator[tuple[AttackedText, int]]:
    """Yields the examples in the order in which TextAttack will attack them, if it is known."""
    checkpoint = attacker._checkpoint
    if checkpoint:
        positions = [*checkpoint.worklist, *checkpoint.worklist_candidates]
    elif attacker.attack_args.shuffle:
        positions = []  # TextAttack draws them during the run
    else:
        positions = list(_positions(attacker.attack_args, len(attacker.dataset)))
    for position in positions:
        if position >= len(attacker.dataset):  # a checkpoint may list examples that are not needed
            continue
        columns, label = attacker.dataset[position]
        text = AttackedText(columns)
        if attacker.dataset.label_names is not None:
            text.attack_attrs["label_names"] = attacker.dataset.label_names
        yield text, label
