"""Loads a model with an adapter in its layers: first the base model, then the adapter's weights.

Whatever the adapter's files and its base model do not agree on is refused, where PEFT would warn,
or leave weights as they were drawn at random.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from accelerate import init_empty_weights
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PretrainedConfig,
)
from transformers.utils import logging
from transformers.utils.peft_utils import ADAPTER_CONFIG_NAME

from ..errors import InvalidInputError, first_of, reason_of
from .adapters import PREFIX, Adapter
from .configurations import BASE, base_of

SHOWN = 3
"""The number of names of weights that a message shows."""
ADVICE = (
    f"write the folder of the model that it was trained in into {BASE} of its {ADAPTER_CONFIG_NAME}"
)


class Load(Protocol):
    """Loads a part of the base model by one of transformers' Auto classes."""

    def __call__(self, auto: Any, checkpoint: str, **options: Any) -> Any:
        """Loads a checkpoint."""


def load_adapted(
    auto: Any, adapter: Adapter, load: Load, trust_remote_code: bool, **options: Any
) -> Any:
    """Loads an adapter with its base model by one of transformers' Auto classes.

    Args:
        auto: the Auto class, as ``AutoModelForSequenceClassification``.
        adapter: the adapter.
        load: loads the base model.
        trust_remote_code: whether to run the code that the base model brings along.
        options: options of the class.

    Raises:
        InvalidInputError: there is no such base model, it is another adapter, or the adapter is one
            of another model.
    """
    if base_of(adapter.base) is not None:
        raise InvalidInputError(
            f"{adapter.checkpoint}: expected an adapter of a whole model, got one of another "
            f"adapter, {adapter.base}; merge that one into its model with merge_and_unload(), and "
            f"write the folder of the result into {BASE} of {ADAPTER_CONFIG_NAME}"
        )
    with _naming(adapter):
        if auto is AutoTokenizer:
            return load(auto, adapter.base, **options)
        config = load(AutoConfig, adapter.base)
    _set_task(config, adapter, trust_remote_code)
    return config if auto is AutoConfig else _model(auto, adapter, config, load, options)


@contextmanager
def _naming(adapter: Adapter) -> Iterator[None]:
    """Says of an error of the base model which adapter asked for it."""
    try:
        yield
    except InvalidInputError as error:
        raise type(error)(
            f"{adapter.checkpoint}: the model of this adapter cannot be loaded; {error}; if it is "
            f"elsewhere, {ADVICE}"
        ) from error


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silences transformers, which warns of weights that the base model lacks and we look for."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _set_task(config: PretrainedConfig, adapter: Adapter, trust_remote_code: bool) -> None:
    """Writes into the configuration of the base model for which task the adapter was trained.

    PEFT saves no number of classes, only the head.
    """
    name = adapter.model_class(config)
    config.architectures = [name] if name else config.architectures
    if not (name or "").endswith("ForSequenceClassification"):
        return
    auto = AutoModelForSequenceClassification
    with init_empty_weights():
        built = auto.from_config(config, trust_remote_code=trust_remote_code)
    for own, weight in built.named_parameters():
        saved = adapter.sizes.get(own)
        if saved and saved[0] != len(weight) == config.num_labels:
            config.num_labels = saved[0]


def _model(
    auto: Any, adapter: Adapter, config: PretrainedConfig, load: Load, options: dict[str, Any]
) -> nn.Module:
    """Loads the base model, and puts the adapter into its layers."""
    from peft import get_peft_model

    with _naming(adapter), _without_warnings():
        base, info = load(
            auto,
            adapter.base,
            config=config,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # those that the adapter replaces
            **options,
        )
    _require_all_weights(adapter, base, info)
    adapter.config.base_model_name_or_path = base.name_or_path  # PEFT warns of another name
    try:
        adapted: Any = get_peft_model(base, adapter.config)
    except ValueError as error:  # there is no such layer
        raise _of_another_model(adapter, reason_of(error)) from error
    _load_weights(adapter, adapted)
    inside: nn.Module = adapted.base_model.model
    return inside


def _require_all_weights(adapter: Adapter, base: nn.Module, info: dict[str, Any]) -> None:
    """Refuses an adapter if neither it nor its base model has all weights of the whole.

    Transformers draws those at random, so that each load would be another victim.
    """
    # Some versions of transformers return the sizes as well.
    others = {key if isinstance(key, str) else key[0] for key in info["mismatched_keys"]}
    drawn = {name for name, _ in base.named_parameters()} & {*info["missing_keys"], *others}
    unknown = sorted(drawn - adapter.sizes.keys())
    if not unknown:
        return
    advice = (
        "attack it with a prompt"
        if adapter.is_of_language_model
        else "train it with their modules in modules_to_save, or save its model with them"
    )
    raise InvalidInputError(
        f"{adapter.checkpoint}: expected all weights of a {type(base).__name__} in the adapter and "
        f"its model {adapter.base} together, got none of {first_of(unknown, SHOWN)}, which would "
        f"be drawn at random; {advice}"
    )


def _load_weights(adapter: Adapter, adapted: Any) -> None:
    """Reads the weights of the adapter, each of which must have its place, and each place one."""
    try:
        loaded = adapted.load_adapter(str(adapter.folder), "default", torch_device="cpu")
    except (KeyError, RuntimeError) as error:  # a missing head, or a weight of another size
        raise _of_another_model(
            adapter, _difference(adapter, adapted) or reason_of(error)
        ) from error
    if left := [*loaded.missing_keys, *loaded.unexpected_keys]:
        raise _of_another_model(adapter, _difference(adapter, adapted) or f"{left[0]} is left over")


def _difference(adapter: Adapter, adapted: Any) -> str:
    """Says what the first difference is between an adapter's file and what its model takes."""
    from peft import get_peft_model_state_dict

    taken = {
        name.removeprefix(PREFIX): tuple(weight.shape)
        for name, weight in get_peft_model_state_dict(adapted, save_embedding_layers=False).items()
    }
    for name, size in taken.items():
        given = adapter.sizes.get(name)
        if given != size:
            return f"{name} is {'missing' if given is None else f'{given} instead of {size}'}"
    unknown = [name for name in adapter.sizes if name not in taken]
    return f"{unknown[0]} has no place" if unknown else ""


def _of_another_model(adapter: Adapter, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"{adapter.checkpoint}: expected an adapter of the model {adapter.base}, got one of "
        f"another ({reason}); {ADVICE}"
    )
