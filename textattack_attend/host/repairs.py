"""Repairs faults that TextAttack 0.3.11 has with any attack."""

from __future__ import annotations

from typing import Any

from textattack import Attacker, CommandLineAttackArgs, DatasetArgs, ModelArgs

from ..errors import InvalidInputError
from .arguments import require_arguments
from .lines import explained


def resuming(original: Any) -> Any:
    """Replaces the ``run`` of ``attack-resume``, which asks for attributes that do not exist."""

    def run(self: Any, args: Any) -> None:
        with explained(
            lambda: (
                f"{args.checkpoint_file}: expected a whole checkpoint of TextAttack, as "
                "--checkpoint-interval writes them, or FOLDER/latest"
            )
        ):
            checkpoint = self._parse_checkpoint_from_args(args)
        saved = checkpoint.attack_args
        if not isinstance(saved, CommandLineAttackArgs):
            raise InvalidInputError(
                f"{args.checkpoint_file}: expected the checkpoint of `textattack attack`, got one "
                "of a program; resume it there with Attacker.from_checkpoint"
            )
        saved.parallel = args.parallel
        saved.checkpoint_dir = args.checkpoint_dir or saved.checkpoint_dir
        saved.checkpoint_interval = args.checkpoint_interval or saved.checkpoint_interval
        require_arguments(saved)
        wrapper = ModelArgs._create_model_from_args(saved)
        attack = CommandLineAttackArgs._create_attack_from_args(saved, wrapper)
        dataset = DatasetArgs._create_dataset_from_args(saved)
        Attacker.from_checkpoint(attack, dataset, checkpoint).attack_dataset()

    return run


def zero_without_changed_words(original: Any) -> Any:
    """Makes an attack that changes no words report 0% instead of the mean of an empty list."""

    def avg_perturbation_perc(self: Any) -> float:
        from ..attacks.results import StructureAttackResult

        structural = any(isinstance(result, StructureAttackResult) for result in self.results)
        return 0.0 if structural else original(self)

    return avg_perturbation_perc
