"""What this package adds to TextAttack, in memory: names, summary rows, error lines, a repair.

`register` is called once TextAttack is imported (see `textattack_attend.autoload`).
"""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from textattack import (
    Attack,
    AttackArgs,
    Attacker,
    CommandLineAttackArgs,
    DatasetArgs,
    ModelArgs,
    attack_args,
    dataset_args,
    model_args,
)
from textattack.commands.attack_command import AttackCommand
from textattack.commands.attack_resume_command import AttackResumeCommand
from textattack.metrics.attack_metrics import WordsPerturbed
from textattack.shared import AttackedText
from textattack.shared.utils import ARGS_SPLIT_TOKEN

import textattack_attend

from .demo import NAME, VICTIM_PATH
from .errors import AttendError, InvalidInputError

RECIPES = {
    "hackattend": "HackAttendLiong2024",
    "hackattend-plus": "HackAttendPlus",
    "hackattend-half-scale": "HackAttendHalfScale",
    "hackattend-random": "HackAttendRandom",
    "hackattend-importance-only": "HackAttendImportanceOnly",
    "hackattend-gradient-only": "HackAttendGradientOnly",
    "hackattend-attention-ranking": "HackAttendAttentionRanking",
    "textfooler-transformers": "TextFoolerTransformers",
    "bert-attack-transformers": "BERTAttackTransformers",
}


def register() -> None:
    """Extend TextAttack; a second call changes nothing."""
    if hasattr(attack_args, "textattack_attend"):
        return
    _register_names()
    _patch_class_method(DatasetArgs, "_create_dataset_from_args", _from_data_files)
    _patch_class_method(ModelArgs, "_create_model_from_args", _with_own_wrappers)
    _patch(Attacker, "attack_dataset", _with_checks_and_metrics)
    _patch(AttackCommand, "run", _with_error_line)
    _patch(AttackResumeCommand, "run", _resuming)
    _patch(AttackResumeCommand, "run", _with_error_line)
    _patch(WordsPerturbed, "avg_perturbation_perc", _zero_without_changed_words)


def _register_names() -> None:
    """Recipes and the demo; TextAttack evaluates these paths in its own modules."""
    for module in (attack_args, dataset_args):
        module.textattack_attend = textattack_attend
    for name, class_name in RECIPES.items():
        path = f"textattack_attend.attack_recipes.{class_name}"
        attack_args.ATTACK_RECIPE_NAMES[name] = path
    model_args.HUGGINGFACE_MODELS[NAME] = str(VICTIM_PATH)
    dataset_args.TEXTATTACK_DATASET_BY_MODEL[NAME] = ("textattack_attend.datasets.DemoReviews",)


def _patch(owner: type, name: str, wrap: Callable[[Any], Any]) -> None:
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(wrap(original)))


def _patch_class_method(owner: type, name: str, wrap: Callable[[Any], Any]) -> None:
    original = getattr(owner, name).__func__
    setattr(owner, name, classmethod(functools.wraps(original)(wrap(original))))


def _from_data_files(original: Any) -> Any:
    """``--dataset-from-file`` takes data files, too: PATH^dream, or PATH^text,label."""

    def create_dataset(cls: Any, args: DatasetArgs) -> Any:
        from .datasets import from_name, is_data_file

        path, _, name = (args.dataset_from_file or "").partition(ARGS_SPLIT_TOKEN)
        if not is_data_file(path):
            return original(cls, _without_shortcut(args))
        start, count = _asked_for(args)
        dataset = from_name(path, name, start=start, count=count)
        if args.filter_by_labels:
            dataset.filter_by_labels_(args.filter_by_labels)
        return dataset

    return create_dataset


def _asked_for(args: Any) -> tuple[int, int | None]:
    """The position of the first example of a run, and how many there are; None for all others."""
    if not isinstance(args, AttackArgs):
        return 0, None  # of Python, where a data set is made without an attack
    if args.filter_by_labels:  # positions are counted once others are dropped
        return 0, None
    start = args.num_examples_offset
    if start < 0:
        raise InvalidInputError(f"num_examples_offset: expected 0 or more, got {start}")
    # Of none asked for one is read, as only examples tell what their columns are.
    return start, max(1, args.num_examples) if _is_limited(args) else None


def _without_shortcut(args: DatasetArgs) -> DatasetArgs:
    """The same, where the demo's own data set would win over one that was asked for."""
    if getattr(args, "model", None) != NAME:
        return args
    if not (args.dataset_from_huggingface or args.dataset_from_file):
        return args
    args = copy.copy(args)
    args.model = args.dataset_by_model = None
    return args


def _with_own_wrappers(original: Any) -> Any:
    """Checkpoints that score choices, which TextAttack would give an untrained head for classes,
    and those with a card, which says how they were trained.
    """

    def create_model(cls: Any, args: ModelArgs) -> Any:
        from .card import Card
        from .checkpoint import scores_choices
        from .models.wrappers import wrapper_for

        own = args.model if os.path.isdir(args.model or "") else None
        checkpoint = None if args.model_from_file else own or args.model_from_huggingface
        if checkpoint and (scores_choices(checkpoint) or Card.of(Path(checkpoint))):
            return wrapper_for(checkpoint)
        return original(cls, args)

    return create_model


def _with_checks_and_metrics(original: Any) -> Any:
    def attack_dataset(self: Attacker) -> Any:
        args = self.attack_args
        self.attack_args = copy.copy(args)  # the caller's may serve another attack, too
        self.attack_args.metrics = {**_summary_rows(self.attack), **(args.metrics or {})}
        try:
            return _attack_dataset(self, original)
        finally:
            self.attack_args = args

    return attack_dataset


def _attack_dataset(attacker: Attacker, original: Any) -> Any:
    from .attack import StructureAttack

    attack, args = attacker.attack, attacker.attack_args
    if not isinstance(attack, StructureAttack):
        return original(attacker)
    attack.check_dataset(attacker.dataset, _positions(args, len(attacker.dataset)))
    if args.parallel:  # the attack is sent to other processes, which share out the examples
        return original(attacker)
    with attack.looking_ahead(_upcoming(attacker)):
        return original(attacker)


def _summary_rows(attack: Attack) -> dict[str, Any]:
    """What TextAttack's summary says beside its own."""
    from .attack import StructureAttack
    from .metrics import STRUCTURE_METRICS, FixedRow

    defense = getattr(attack.goal_function.model, "defense", None)
    said = {} if defense is None else {"Defense:": FixedRow(defense)}
    return said | (STRUCTURE_METRICS if isinstance(attack, StructureAttack) else {})


def _positions(args: AttackArgs, size: int) -> range:
    """The examples a run may reach."""
    stop = args.num_examples_offset + args.num_examples if _is_limited(args) else size
    return range(args.num_examples_offset, min(stop, size))


def _is_limited(args: AttackArgs) -> bool:
    """Whether a run reaches as many examples as it was asked for, and not any of the data set."""
    drawn = args.shuffle or args.attack_n or args.num_successful_examples
    return args.num_examples not in (None, -1) and not drawn


def _upcoming(attacker: Attacker) -> Iterator[tuple[AttackedText, int]]:
    """The examples in the order in which TextAttack will attack them, as far as it is known."""
    checkpoint = attacker._checkpoint
    if checkpoint:
        positions = [*checkpoint.worklist, *checkpoint.worklist_candidates]
    elif attacker.attack_args.shuffle:
        positions = []  # drawn in the run
    else:
        positions = list(_positions(attacker.attack_args, len(attacker.dataset)))
    for position in positions:
        if position >= len(attacker.dataset):  # of a checkpoint; it was not read, and is not needed
            continue
        columns, label = attacker.dataset[position]
        text = AttackedText(columns)
        if attacker.dataset.label_names is not None:
            text.attack_attrs["label_names"] = attacker.dataset.label_names
        yield text, label


def _with_error_line(original: Any) -> Any:
    def run(self: Any, args: Any) -> None:
        try:
            original(self, args)
        except AttendError as error:
            raise SystemExit(f"textattack: error: {error}") from None

    return run


def _resuming(original: Any) -> Any:
    """TextAttack 0.3.11's own ``run`` asks for attributes that do not exist, for every attack."""

    def run(self: Any, args: Any) -> None:
        checkpoint = self._parse_checkpoint_from_args(args)
        saved = checkpoint.attack_args
        saved.parallel = args.parallel
        saved.checkpoint_dir = args.checkpoint_dir or saved.checkpoint_dir
        saved.checkpoint_interval = args.checkpoint_interval or saved.checkpoint_interval
        wrapper = ModelArgs._create_model_from_args(saved)
        attack = CommandLineAttackArgs._create_attack_from_args(saved, wrapper)
        dataset = DatasetArgs._create_dataset_from_args(saved)
        Attacker.from_checkpoint(attack, dataset, checkpoint).attack_dataset()

    return run


def _zero_without_changed_words(original: Any) -> Any:
    """An attack that changes no word perturbs 0% of them; TextAttack prints the mean of nothing."""

    def avg_perturbation_perc(self: Any) -> float:
        from .attack_results import StructureAttackResult

        structural = any(isinstance(result, StructureAttackResult) for result in self.results)
        return 0.0 if structural else original(self)

    return avg_perturbation_perc
