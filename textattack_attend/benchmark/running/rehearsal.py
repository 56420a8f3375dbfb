"""Rehearses a recipe, to find mistakes before the first attack instead of hours later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any

from textattack import Attack, AttackArgs, Attacker
from textattack.datasets import Dataset
from textattack.goal_functions import GoalFunction
from textattack.shared import AttackedText
from transformers import AutoConfig

from ...attacks.goals import Judge, require_label
from ...attacks.named import build_attack, require_attack
from ...attacks.source import require_attack_source
from ...checkpoints.custom_code import NEVER
from ...checkpoints.loading import from_pretrained
from ...datasets import dataset_named, for_model
from ...errors import AttendError, InvalidInputError, listed
from ...errors.printable import shortened
from ...host.quiet import quiet
from ...models.wrappers import AttentionModelWrapper, class_names_of
from ...process.containment import contained
from ..recipe import Recipe
from ..recipe_fields import NamedAttack
from .loaded import load
from .queries import watch_queries

LOOKED_AT = 16
"""The number of examples from which the shortest are tried."""
TRIED = 3
"""The number of examples on which an attack must fail to be refused, as one failure is a row."""
SECONDS = 0.5
"""The seconds that an attack may spend on an example after its first query."""
LONGEST = 240
"""The most characters of a library's error that a message repeats, as some fill a page."""
Load = Callable[[str], AttentionModelWrapper]
Due = Callable[[str, NamedAttack], bool]
Trusted = Callable[[NamedAttack], bool]


def rehearse(
    recipe: Recipe,
    load: Load,
    due: Due = lambda checkpoint, attack: True,
    trusted: Trusted = lambda attack: True,
    dataset: Dataset | None = None,
) -> int:
    """Builds every attack on its victims, and lets each try one example for a moment.

    Every checkpoint is loaded, and the columns and classes of the examples are compared with those
    of the model. Attacks are built on the first checkpoint of a victim, and on every other one
    whose configuration differs from those before it.

    Args:
        recipe: the recipe to run.
        load: a function that returns the wrapper of a checkpoint.
        due: a function that tells whether an attack still has to attack a checkpoint; by default it
            always has.
        trusted: a function that tells whether the code of an attack may be executed; by default it
            always may. Any other code, which must be in a file, is checked but not executed.
        dataset: the data set that the recipe names; None to read it.

    Returns:
        The number of examples that are attacked.

    Raises:
        InvalidInputError: something is missing or cannot be run; the message names all mistakes,
            each with its attack and its victim.
    """
    rehearsal = _Rehearsal(recipe, load, due, trusted, dataset)
    rehearsal.run()
    if rehearsal.mistakes.found:
        raise InvalidInputError(listed(rehearsal.mistakes.lines()))
    return rehearsal.size


def loader_of(recipe: Recipe) -> Load:
    """Returns a function that loads a checkpoint with the settings of a recipe."""
    return partial(load, recipe=recipe)


class _Mistakes:
    """The mistakes of a recipe, each with the victims that it occurs with."""

    def __init__(self, victims: Sequence[str]) -> None:
        self.found: dict[tuple[str, str], list[str]] = {}
        self._victims = victims

    @contextmanager
    def of(self, attack: str = "", victim: str = "") -> Iterator[None]:
        """Notes an error that is raised inside the context, and lets the rehearsal go on."""
        try:
            with contained():
                yield
        except AttendError as error:
            self.note(str(error), attack, victim)
        except Exception as error:  # a user's own attack, TextAttack or a library may raise any
            said = shortened(f"{type(error).__name__}: {error}", LONGEST)
            self.note(said, attack, victim)

    def note(self, line: str, attack: str = "", victim: str = "") -> None:
        """Adds a mistake."""
        victims = self.found.setdefault((attack, line), [])
        if victim and victim not in victims:
            victims.append(victim)

    def lines(self) -> list[str]:
        """Returns each mistake once, with the victims if an attack fails only on some of them."""
        return [self._line(attack, line, on) for (attack, line), on in self.found.items()]

    def _line(self, attack: str, line: str, victims: Sequence[str]) -> str:
        named = ", ".join(map(repr, victims))
        everywhere = not victims or len(victims) == len(self._victims)
        if not attack:
            return f"victim {named}: {line}" if victims else line
        return f"attack {attack!r}{'' if everywhere else f' on {named}'}: {line}"


class _Rehearsal:
    """A rehearsal, whose mistakes are complete after `run`."""

    def __init__(
        self, recipe: Recipe, load: Load, due: Due, trusted: Trusted, dataset: Dataset | None
    ) -> None:
        self.mistakes = _Mistakes(list(recipe.victims))
        self.size = 0
        self._recipe = recipe
        self._load = load
        self._due = due
        self._trusted = trusted
        self._dataset = dataset
        self._attacks: dict[str, NamedAttack] = {}

    def run(self) -> None:
        with self.mistakes.of():
            if self._dataset is None:
                self._dataset = dataset_named(self._recipe.data, count=self._recipe.examples)
            self.size = min(len(self._dataset), self._recipe.examples or len(self._dataset))
        with self.mistakes.of():
            if self._recipe.encoder:
                from_pretrained(AutoConfig, self._recipe.encoder, advice=NEVER)
        for label, attack in self._recipe.attacks.items():
            with self.mistakes.of(label):
                if self._trusted(attack):
                    require_attack(attack.recipe, **attack.options)
                    self._attacks[label] = attack
                else:
                    require_attack_source(attack.recipe, **attack.options)
        for label, checkpoints in self._recipe.victims.items():
            self._victim(label, checkpoints)

    def _victim(self, label: str, checkpoints: Sequence[str]) -> None:
        rehearsed: list[dict[str, Any]] = []
        for checkpoint in checkpoints:
            with self.mistakes.of(victim=label):
                wrapper = self._load(checkpoint)
                examples = self._examples(label, wrapper)
                configuration = _configuration(wrapper)
                if configuration in rehearsed:
                    continue
                rehearsed.append(configuration)
                for name, attack in self._attacks.items():
                    if self._due(checkpoint, attack):
                        with self.mistakes.of(name, label):
                            self._try(name, label, wrapper, examples)

    def _examples(self, label: str, wrapper: AttentionModelWrapper) -> list[Dataset]:
        """Returns data sets of one example each; none if the data do not fit the victim."""
        if self._dataset is None:
            return []
        with self.mistakes.of(victim=label):
            names = class_names_of(wrapper, self._recipe.label_names)
            dataset = for_model(self._dataset, names)
            _require_fitting(wrapper, dataset, self.size)
            return list(islice(_attackable(wrapper, dataset, self.size), TRIED))
        return []

    def _try(
        self, name: str, label: str, wrapper: AttentionModelWrapper, examples: Sequence[Dataset]
    ) -> None:
        """Builds an attack, and attacks examples until one can be attacked."""
        attack = self._attacks[name]
        try:
            with quiet():
                built = build_attack(attack.recipe, wrapper, **attack.options)
        except AttendError as error:
            for line in [str(error), *_mistaken_options(attack, wrapper)]:
                self.mistakes.note(line, name, label)
            return
        _stop_after(built, SECONDS)
        errors = []
        for example in examples:
            try:
                self._attack(built, example)
                return
            except _EnoughSeen:
                return
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def _attack(self, attack: Attack, example: Dataset) -> None:
        args = AttackArgs(
            num_examples=1,
            query_budget=self._recipe.queries,
            random_seed=self._recipe.seeds[0],
            disable_stdout=True,
            silent=True,
        )
        with quiet(), contained():
            Attacker(attack, example, args).attack_dataset()


class _EnoughSeen(Exception):
    """Raised once an attack is known to run; the rest of it is left to the benchmark."""


def _stop_after(attack: Attack, seconds: float) -> None:
    """Lets an attack raise `_EnoughSeen` at its first query that is so late after its first one.

    Its search is not told of a spent budget instead: some of TextAttack's fail on a small one.
    """
    begun: list[float] = []

    def stop_late(goal_function: GoalFunction, texts: Sequence[Any], judge: Judge) -> Any:
        begun.append(time.perf_counter())
        if begun[-1] > begun[0] + seconds:
            raise _EnoughSeen
        return judge()

    watch_queries(attack, stop_late)


def _mistaken_options(attack: NamedAttack, wrapper: AttentionModelWrapper) -> Iterator[str]:
    """Yields the mistake of each option by itself, as an attack reports only its first mistake."""
    for name, value in attack.options.items():
        try:
            with quiet():
                build_attack(attack.recipe, wrapper, **{name: value})
        except Exception as error:  # it may come from a default that replaces another given option
            if isinstance(error, AttendError) and str(error).startswith(name):
                yield str(error)


def _require_fitting(wrapper: AttentionModelWrapper, dataset: Dataset, size: int) -> None:
    """Refuses data with other columns or classes than the victim reads and tells apart."""
    for position in range(size):
        columns, label = dataset[position]
        text = AttackedText(columns).tokenizer_input
        try:
            wrapper.victim.inputs.sequences(text)
            require_label(label, wrapper.victim.num_classes(text))
        except InvalidInputError as error:
            raise InvalidInputError(f"example {position} of the dataset: {error}") from error


def _attackable(wrapper: AttentionModelWrapper, dataset: Dataset, size: int) -> Iterator[Dataset]:
    """Yields short examples, each labelled as the victim answers, so that no attack skips it.

    Raises:
        InvalidInputError: none of the first examples can be attacked.
    """
    firsts = [dataset[position][0] for position in range(min(size, LOOKED_AT))]
    firsts.sort(key=lambda columns: sum(map(len, columns.values())))
    refused = None
    for columns in firsts:
        text = AttackedText(columns).tokenizer_input
        try:
            wrapper.victim.empty_structure(text)
        except InvalidInputError as error:
            refused = refused or error
            continue
        label = int(wrapper([text])[0].argmax())
        parts = tuple(columns.values())
        example = parts if len(parts) > 1 else parts[0]
        yield Dataset([(example, label)], list(columns), label_names=dataset.label_names)
        refused = None
    if refused:
        raise refused


def _configuration(wrapper: AttentionModelWrapper) -> dict[str, Any]:
    """Returns the fields of the configuration that decide whether an attack can be built."""
    told: dict[str, Any] = wrapper.model.config.to_dict()
    names = ("_name_or_path", "transformers_version")
    return {name: value for name, value in told.items() if name not in names}
