"""Lets TextAttack's command line read data files, beside Python files and the hub."""

from __future__ import annotations

import copy
from typing import Any

from textattack import AttackArgs, DatasetArgs, ModelArgs
from textattack.shared.utils import ARGS_SPLIT_TOKEN

from ..demo import NAME
from ..errors import InvalidInputError
from .lines import explained
from .models import checkpoint_of


def from_data_files(original: Any) -> Any:
    """Makes ``--data``, and ``--dataset-from-file`` as well, read data by their names.

    The labels count the classes as the model does, which a checkpoint tells before it is loaded;
    for another model the attacker places them.
    """

    def create_dataset(cls: Any, args: DatasetArgs) -> Any:
        data = _named(args)
        if data is None:
            args = _with_the_data_asked_for(args)
            with explained(lambda: _expected(args)):
                return original(cls, args)
        from ..datasets import dataset_named, for_model

        start, count = examples_asked_for(args)
        dataset = dataset_named(data, start=start, count=count)
        names = _names(args)
        if names is not None:
            dataset = for_model(dataset, names)
        if args.filter_by_labels:
            dataset.filter_by_labels_(args.filter_by_labels)
        return dataset

    return create_dataset


def _named(args: DatasetArgs) -> str | None:
    """Returns the name of the data that arguments ask for; None for TextAttack's own ways."""
    from ..datasets import is_data_file

    others = ("dataset_by_model", "dataset_from_huggingface", "dataset_from_file")
    given: str | None = getattr(args, "data", None)
    twice = [f"--{name.replace('_', '-')}" for name in others if getattr(args, name)]
    if given and twice:
        raise InvalidInputError(f"--data: expected the data once, got {', '.join(twice)} as well")
    file = args.dataset_from_file or ""
    return given or (file if is_data_file(file.partition(ARGS_SPLIT_TOKEN)[0]) else None)


def _names(args: DatasetArgs) -> tuple[str, ...] | None:
    """Returns the names of the model's classes; None if only the loaded model can tell them."""
    from ..victims.class_names import class_names_in

    if not isinstance(args, ModelArgs):
        return None
    given: tuple[str, ...] = getattr(args, "label_names", ())
    checkpoint = checkpoint_of(args)
    if checkpoint is None:
        return None if isinstance(args, AttackArgs) else given
    return class_names_in(checkpoint, given, getattr(args, "trust_remote_code", False))


def examples_asked_for(args: Any) -> tuple[int, int | None]:
    """Returns the position of a run's first example, and the number of examples; None for all."""
    if not isinstance(args, AttackArgs):
        return 0, None  # Python code makes a data set without an attack
    if args.filter_by_labels:  # positions are counted after the filter
        return 0, None
    start = args.num_examples_offset
    if start < 0:
        raise InvalidInputError(f"num_examples_offset: expected 0 or more, got {start}")
    # One example is read even if none is asked for, as only examples tell what their columns are.
    return start, max(1, args.num_examples) if is_limited(args) else None


def is_limited(args: AttackArgs) -> bool:
    """Returns whether a run reaches only the examples that it was asked for, and no others."""
    drawn = args.shuffle or args.attack_n or args.num_successful_examples
    return args.num_examples not in (None, -1) and not drawn


def _with_the_data_asked_for(args: DatasetArgs) -> DatasetArgs:
    """Returns arguments in which data that the user names replace those of the model's name.

    TextAttack always overwrites ``--dataset-by-model`` by the name of the model.
    """
    asked_by_name = args.dataset_by_model
    model = getattr(args, "model", None)
    if model == NAME and (args.dataset_from_huggingface or args.dataset_from_file):
        asked_by_name = None
    elif not asked_by_name or asked_by_name == model:
        return args
    args = copy.copy(args)
    args.model = args.dataset_by_model = asked_by_name
    return args


def _expected(args: DatasetArgs) -> str:
    if args.dataset_from_file:
        path, _, name = args.dataset_from_file.partition(ARGS_SPLIT_TOKEN)
        return (
            f"{path}: expected a Python file with a data set named {name or 'dataset'!r}, or a "
            "data file as PATH^NAME or PATH^COLUMN,...,LABEL"
        )
    if args.dataset_from_huggingface:
        name = args.dataset_from_huggingface
        name = name if isinstance(name, str) else "^".join(filter(None, name))
        return f"{name}: expected a data set on the hub, which needs a network once"
    return (
        "expected a data set, got none; give --data FILE^FORMAT or FILE^COLUMN,...,LABEL, "
        "--dataset-from-huggingface NAME, or --dataset-by-model with a model that has one"
    )
