"""Runs a recipe through TextAttack's own attacker, so that every attack is treated alike."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from textattack import Attack, AttackArgs, Attacker, DatasetArgs
from textattack.datasets import Dataset
from textattack.loggers import AttackLogManager
from textattack.model_args import HUGGINGFACE_MODELS
from textattack.shared.utils import logger

from ..card import Card
from ..datasets import from_name
from ..errors import InvalidInputError, StoreError
from ..fingerprint import fingerprint
from ..models.wrappers import AttentionModelWrapper, wrapper_for
from ..named_attacks import attack_builder, build_attack
from .recipe import NamedAttack, Recipe
from .recorder import Recorder
from .store import Row, Store

LIBRARIES = ("textattack_attend", "textattack", "torch", "transformers")


class Benchmark:
    """A recipe and the store of its results.

    Args:
        recipe: what is compared.
        store: of the rows.

    Attributes:
        size: examples that every attack meets.
        cells: the ids of the cells that were run, with the labels and the checkpoint of each.
        cards: of the checkpoints that were run and have one.

    Raises:
        InvalidInputError: there is no such data, or no such attack.
    """

    def __init__(self, recipe: Recipe, store: Store) -> None:
        self.recipe = recipe
        self.store = store
        self.cells: dict[str, tuple[str, str, str]] = {}
        self.cards: dict[str, Card] = {}
        for attack in recipe.attacks.values():
            attack_builder(attack.recipe)
        self._dataset = _dataset(recipe.data)
        every = [self._dataset[position] for position in range(len(self._dataset))]
        self._data = _digest(repr([(list(c.items()), label) for c, label in every]).encode())
        self.size = min(len(self._dataset), recipe.examples or len(self._dataset))

    def run(self, announce: Callable[[str], None] = lambda line: None) -> None:
        """Attack what the store has no row of yet.

        Args:
            announce: is told what begins.

        Raises:
            AttendError: a checkpoint or an attack cannot be had, or the store cannot be written.
        """
        for victim, checkpoints in self.recipe.victims.items():
            for checkpoint in checkpoints:
                self._run_checkpoint(victim, checkpoint, announce)

    def _run_checkpoint(
        self, victim: str, checkpoint: str, announce: Callable[[str], None]
    ) -> None:
        wrapper = wrapper_for(_checkpoint(checkpoint), max_tokens=self.recipe.max_tokens)
        wrapper.model.to("cuda" if torch.cuda.is_available() else "cpu")
        card = Card.of(Path(checkpoint))
        if card:
            self.cards[checkpoint] = card
        for label, named in self.recipe.attacks.items():
            cell = self.store.cell(self._key(wrapper, named))
            self.cells[cell] = (victim, label, checkpoint)
            missing = self.store.missing(cell, self.size)
            if missing:
                announce(f"{label} on {victim} ({checkpoint}): {len(missing)} examples")
                with _quiet():
                    attack = build_attack(named.recipe, wrapper, **named.options)
                self._attack(attack, cell, missing)

    def _attack(self, attack: Attack, cell: str, missing: Sequence[int]) -> None:
        """All that is missing, one row each, whatever happens to one of them."""
        remaining = deque(missing)
        while remaining:
            try:
                self._attack_in_turn(attack, cell, remaining)
            except StoreError:
                raise
            except Exception:  # of the victim, or of the attack: only alone it is known whose
                alone = deque([remaining.popleft()])
                try:
                    self._attack_in_turn(attack, cell, alone)
                except StoreError:
                    raise
                except Exception as error:
                    self.store.add(cell, self._error(alone[0], error))

    def _attack_in_turn(self, attack: Attack, cell: str, remaining: deque[int]) -> None:
        """Through TextAttack's attacker; positions leave the queue as their rows are written."""
        args = AttackArgs(
            num_examples=len(remaining),
            query_budget=self.recipe.queries,
            random_seed=self.recipe.seed,
            disable_stdout=True,
            silent=True,
        )
        attacker = Attacker(attack, _Part(self._dataset, list(remaining)), args)
        attacker.attack_log_manager = AttackLogManager(None)
        attacker.attack_log_manager.loggers.append(Recorder(self.store, cell, remaining))
        with _quiet():
            attacker.attack_dataset()

    def _error(self, position: int, error: Exception) -> Row:
        columns, label = self._dataset[position]
        said = f"{type(error).__name__}: {error}"
        return Row(position, "error", label, 0.0, "\n".join(columns.values()), error=said)

    def _key(self, wrapper: AttentionModelWrapper, attack: NamedAttack) -> dict[str, Any]:
        """What the rows of a cell depend on."""
        path, _, function = attack.recipe.partition("^")
        recipe = [_digest(Path(path).read_bytes()), function] if function else attack.recipe
        return {
            "model": fingerprint(wrapper.model),
            "attack": recipe,
            "options": attack.options,
            "data": self._data,
            "queries": self.recipe.queries,
            "max_tokens": self.recipe.max_tokens,
            "seed": self.recipe.seed,
            "versions": {name: version(name) for name in LIBRARIES},
        }


class _Part(Dataset):
    """Some examples of a data set."""

    def __init__(self, whole: Dataset, positions: Sequence[int]) -> None:
        super().__init__([], whole.input_columns, label_names=whole.label_names)
        self._whole = whole
        self._positions = positions

    def __getitem__(self, number: int) -> Any:
        return self._whole[self._positions[number]]

    def __len__(self) -> int:
        return len(self._positions)


def _dataset(data: str) -> Dataset:
    path, caret, name = data.partition("^")
    if caret:
        return from_name(path, name)
    try:
        return DatasetArgs._create_dataset_from_args(DatasetArgs(dataset_by_model=data))
    except ValueError as error:
        raise InvalidInputError(
            f"data: expected PATH^NAME, or the name of a data set of TextAttack, got {data!r}"
        ) from error


def _checkpoint(name: str) -> str:
    """A folder, a hub name, or what TextAttack's name of a model stands for."""
    known: Any = HUGGINGFACE_MODELS.get(name, name)
    if not isinstance(known, str):
        raise InvalidInputError(f"victim: expected a transformer, got {name!r}")
    return known


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what TextAttack prints, and without its progress bar where nobody watches."""
    logger.setLevel(logging.WARNING)  # the attacker sets it back to INFO
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        if sys.stderr.isatty():
            yield
        else:
            with redirect_stderr(nowhere):
                yield
