"""Refuses wrong arguments of ``textattack attack`` before anything is loaded."""

from __future__ import annotations

import os
import tempfile
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from textattack.model_args import HUGGINGFACE_MODELS, TEXTATTACK_MODELS

from ..checkpoints.loading import architectures
from ..errors import InvalidInputError, described, did_you_mean, require_one_of

AT_LEAST = {
    "num_successful_examples": 1,
    "num_examples_offset": 0,
    "query_budget": 1,
    "checkpoint_interval": 1,
    "num_workers_per_device": 1,
    "model_batch_size": 1,
    "random_seed": 0,
}
"""The least value of each option; TextAttack ignores 0, and fails with a negative number."""
PERPLEXITY = "gpt2"
"""The model that TextAttack measures perplexity with, at the very end of a run."""
LARGEST_SEED = 2**32 - 1
LOGS = {"log_to_txt": ".txt", "log_to_csv": ".csv", "log_summary_to_json": ".json"}
"""The endings of log files; a path with another ending is a folder."""
VISDOM = ("env", "port", "hostname")


def require_arguments(args: Namespace) -> None:
    """Refuses arguments that would stop a run only later.

    Raises:
        InvalidInputError: a number is outside its range, the model's name is unknown, there is no
            GPU for ``--parallel``, or a log cannot be written.
    """
    given = {name: value for name, value in vars(args).items() if value is not None}
    _require_numbers(given)
    if hasattr(args, "model"):  # a run that is resumed has its model already
        _require_model(given)
    if given.get("parallel") and not torch.cuda.device_count():
        raise InvalidInputError("--parallel: expected a GPU, got none; leave it out to use the CPU")
    if given.get("enable_advance_metrics"):
        _require_package("--enable-advance-metrics", "tensorflow_hub")
        architectures(PERPLEXITY)
    if "csv_coloring_style" in given:
        styles = ("file", "plain", "html")
        require_one_of("--csv-coloring-style", given["csv_coloring_style"], styles)
    for name, ending in LOGS.items():
        if name in given:
            _require_writable(_option(name), given[name], ending)
    if given.get("checkpoint_interval"):
        _require_writable("--checkpoint-dir", given.get("checkpoint_dir", ""), None)
    if "log_to_visdom" in given:
        _require_visdom(given["log_to_visdom"])
    if "log_to_wandb" in given:
        _require_object("--log-to-wandb", given["log_to_wandb"])
        _require_package("--log-to-wandb", "wandb")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _require_numbers(given: dict[str, Any]) -> None:
    # Without the option TextAttack leaves an object here that is no number.
    examples = given.get("num_examples")
    if isinstance(examples, int) and examples < 1 and examples != -1:
        raise InvalidInputError(
            f"--num-examples: expected at least 1, or -1 for all, got {examples}"
        )
    for name, least in AT_LEAST.items():
        if name in given and given[name] < least:
            raise InvalidInputError(
                f"{_option(name)}: expected at least {least}, got {given[name]}"
            )
    if given.get("random_seed", 0) > LARGEST_SEED:
        raise InvalidInputError(
            f"--random-seed: expected at most {LARGEST_SEED}, got {given['random_seed']}"
        )


def _require_model(given: dict[str, Any]) -> None:
    """Refuses no or an unknown model, before TextAttack complains that a data set is missing."""
    model = given.get("model")
    sources = ("model", "model_from_huggingface", "model_from_file")
    if not any(given.get(source) for source in sources):
        raise InvalidInputError(
            "--model: expected a folder or a name, got none; attend-demo comes with this package"
        )
    known = [*HUGGINGFACE_MODELS, *TEXTATTACK_MODELS]
    if model is not None and model not in known and not os.path.exists(model):
        raise InvalidInputError(
            f"--model: expected a folder, or a name that `textattack list models` shows, got "
            f"{model!r}{did_you_mean(model, known)}; --model-from-huggingface takes other names"
        )


def _require_writable(option: str, given: str, ending: str | None) -> None:
    """Refuses a log whose file cannot be made: TextAttack writes a CSV file at the very end."""
    path = Path(given)
    is_file = bool(ending) and given.lower().endswith(str(ending))
    folder = path.parent if is_file else path
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if is_file and path.exists() and not (path.is_file() and os.access(path, os.W_OK)):
        raise InvalidInputError(f"{option}: expected a file that can be written, got {given}")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise InvalidInputError(
            f"{option}: expected a place where files can be written, got {given} ({error.strerror})"
        ) from error


def _require_visdom(given: Any) -> None:
    _require_object("--log-to-visdom", given)
    _require_package("--log-to-visdom", "visdom")
    unknown = sorted(set(given) - set(VISDOM))
    if unknown:
        raise InvalidInputError(
            f"--log-to-visdom: expected the keys {', '.join(VISDOM)}, got {', '.join(unknown)}"
        )
    from textattack.loggers.visdom_logger import port_is_open

    host, port = given.get("hostname", "localhost"), given.get("port", 8097)
    try:
        is_open = port_is_open(port, hostname=host)
    except (OSError, OverflowError, TypeError):
        is_open = False
    if not is_open:
        raise InvalidInputError(
            f"--log-to-visdom: expected a server of visdom on {host}:{port}, got none; start it "
            "with `visdom`, or give its port and hostname"
        )


def _require_object(option: str, given: Any) -> None:
    if not isinstance(given, dict):
        raise InvalidInputError(f"{option}: expected a JSON object, got {described(given)}")


def _require_package(option: str, package: str) -> None:
    if find_spec(package) is None:
        raise InvalidInputError(
            f"{option}: expected the package {package} to be installed; pip install {package}"
        )
