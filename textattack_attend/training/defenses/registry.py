"""From a defense's options to what trains with it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .options import Defense

if TYPE_CHECKING:
    from .defense_trainer import DefenseTrainer


def trainer_of(defense: Defense) -> type[DefenseTrainer[Any]]:
    """The trainer class; transformers is imported no sooner than this is called."""
    module, name = defense.trainer.split(".")
    trainer: type[DefenseTrainer[Any]] = getattr(import_module(f".{module}", __package__), name)
    return trainer
