"""Registers the plugin, by replacing methods of TextAttack and adding to its tables."""

from __future__ import annotations

from types import SimpleNamespace

from textattack import (
    Attacker,
    CommandLineAttackArgs,
    DatasetArgs,
    ModelArgs,
    attack_args,
    attacker,
)
from textattack.attack_args import AttackArgs
from textattack.commands.attack_command import AttackCommand
from textattack.commands.attack_resume_command import AttackResumeCommand
from textattack.commands.augment_command import AugmentCommand
from textattack.commands.eval_model_command import EvalModelCommand, ModelEvalArgs
from textattack.commands.peek_dataset_command import PeekDatasetCommand
from textattack.commands.train_model_command import TrainModelCommand
from textattack.loggers import AttackLogManager
from textattack.metrics.attack_metrics import WordsPerturbed
from textattack.shared import AttackCheckpoint

from ..process.progress import kind_of_bar
from .attacking import with_checks_and_metrics
from .data import from_data_files
from .interrupt import uninterrupted
from .lines import explaining_attack, explaining_loggers, refusing_custom_code, with_one_line
from .models import with_own_wrappers
from .names import register_names
from .options import taking_own_options, with_data_options, with_trust_option
from .patching import patch, patch_class_method
from .repairs import resuming, zero_without_changed_words
from .structure_files import with_structure_files

COMMANDS = (
    AttackCommand,
    AttackResumeCommand,
    AugmentCommand,
    EvalModelCommand,
    PeekDatasetCommand,
    TrainModelCommand,
)
"""The commands of TextAttack that load models or data."""


def register() -> None:
    """Extends TextAttack; a second call changes nothing."""
    if hasattr(attack_args, "textattack_attend"):
        return
    register_names()
    patch_class_method(DatasetArgs, "_create_dataset_from_args", from_data_files)
    patch_class_method(ModelArgs, "_create_model_from_args", with_own_wrappers)
    patch_class_method(ModelArgs, "_add_parser_args", with_trust_option)
    patch_class_method(DatasetArgs, "_add_parser_args", with_data_options)
    for arguments in (CommandLineAttackArgs, ModelEvalArgs, DatasetArgs):
        patch(arguments, "__init__", taking_own_options)
    patch_class_method(CommandLineAttackArgs, "_create_attack_from_args", explaining_attack)
    patch_class_method(AttackArgs, "create_loggers_from_args", explaining_loggers)
    patch(Attacker, "attack_dataset", with_checks_and_metrics)
    patch(Attacker, "_attack", with_structure_files)
    patch(Attacker, "_attack_parallel", with_structure_files)
    # TextAttack draws a bar into logs, too, where it fills line after line.
    attacker.tqdm = SimpleNamespace(tqdm=lambda **options: kind_of_bar()(**options))
    patch(AttackLogManager, "log_result", uninterrupted)
    patch(AttackCheckpoint, "save", uninterrupted)
    patch(AttackCommand, "run", with_one_line)
    patch(AttackResumeCommand, "run", resuming)
    patch(AttackResumeCommand, "run", with_one_line)
    for command in COMMANDS:
        patch(command, "run", refusing_custom_code)
    patch(WordsPerturbed, "avg_perturbation_perc", zero_without_changed_words)
