"""The differences between the versions of transformers: every branch on them is in this module.

The functions ask what a version has, and not for its number, wherever that can be seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from ..errors import InvalidInputError, UnsupportedModelError

FLAIR = "flair.embeddings.transformer"
"""The module of flair, which TextAttack imports, that asks transformers for a class it dropped."""
DROPPED = "LayoutLMv2FeatureExtractor"
"""A class that transformers 5 no longer has; flair asks only whether an object is one of it."""


def provide_names_for_flair() -> None:
    """Gives transformers the class that flair imports, if it has none of that name."""
    import transformers

    if not hasattr(transformers, DROPPED):
        setattr(transformers, DROPPED, type(DROPPED, (), {"__module__": __name__}))


def remove_names_for_flair() -> None:
    """Takes the class away again, so that other libraries see transformers as it is."""
    import transformers

    if getattr(vars(transformers).get(DROPPED), "__module__", None) == __name__:
        delattr(transformers, DROPPED)


@cache
def _arguments_of_trainer() -> frozenset[str]:
    import dataclasses

    from transformers import TrainingArguments

    return frozenset(field.name for field in dataclasses.fields(TrainingArguments))


def warm_up(share: float) -> dict[str, Any]:
    """Returns the arguments of `Trainer` under which the learning rate grows over a share of steps.

    Args:
        share: the share of the steps, in [0, 1).
    """
    named = "warmup_ratio" if "warmup_ratio" in _arguments_of_trainer() else "warmup_steps"
    return {named: share}


def batches_of_like_lengths() -> dict[str, Any]:
    """Returns the arguments of `Trainer` under which the texts of a batch are about as long."""
    if "group_by_length" in _arguments_of_trainer():
        return {"group_by_length": True}
    return {"train_sampling_strategy": "group_by_length"}


def is_local(config: Any) -> Sequence[bool]:
    """Returns for every layer of a ModernBERT whether its attention is local.

    Args:
        config: the configuration of the model.
    """
    types = getattr(config, "layer_types", None)
    if types is not None:
        return [kind == "sliding_attention" for kind in types]
    every = config.global_attn_every_n_layers
    return [layer % every != 0 for layer in range(config.num_hidden_layers)]


def t5gemma_sees_its_window() -> bool:
    """Returns whether a window of T5Gemma's encoder reaches as far as its size says.

    Transformers 4 has a mask of its own for it, which ends one token earlier on each side.
    """
    from transformers.models.t5gemma import modeling_t5gemma

    return not hasattr(modeling_t5gemma, "sliding_window_bidirectional_mask_function")


UNREAD: dict[str, Any] = {"rope_parameters": None, "scale_decoder_outputs": True}
"""Fields of transformers 5 that decide what a model computes, which earlier versions silently skip,
each with the value for which that does not matter."""


@contextmanager
def without_bars_of_weights() -> Iterator[None]:
    """Hides the progress bars that transformers 5 shows for weights of any size.

    Downloads keep theirs, which the public switch of transformers would hide as well.
    """
    from transformers.utils import logging

    before = logging._tqdm_active
    logging._tqdm_active = False
    try:
        yield
    finally:
        logging._tqdm_active = before


def installed() -> str:
    """Returns the version of transformers that is installed."""
    from transformers import __version__

    return str(__version__)


def fits(minimum: str) -> bool:
    """Returns whether the installed version of transformers is one, or a newer one.

    Args:
        minimum: the first version that fits, as "5.0"; empty if all do.
    """
    return not minimum or not _is_older(installed(), minimum)


def require_transformers(minimum: str, what: str) -> None:
    """Refuses what the installed version of transformers is too old for.

    Args:
        minimum: the first version that fits, as "5.0".
        what: what needs that version, as "models of type eurobert".

    Raises:
        UnsupportedModelError: the installed version is older.
    """
    if not fits(minimum):
        raise UnsupportedModelError(
            f"{what}: expected transformers {minimum} or newer, got {installed()}; install a newer "
            "one (docs/how-to/use-transformers-5.md)"
        )


def saved_by_newer(fields: Mapping[str, Any]) -> str:
    """Returns the version of transformers that saved a configuration, if it is a newer one.

    Args:
        fields: the fields of the configuration.

    Returns:
        The version; empty if it is the installed one or older, or if there is none.
    """
    saved_by = fields.get("transformers_version")
    if not isinstance(saved_by, str) or not _is_older(installed(), saved_by):
        return ""
    return saved_by


def require_readable(checkpoint: str, fields: Mapping[str, Any]) -> None:
    """Refuses a configuration whose fields the installed version would skip, and compute wrongly.

    Args:
        checkpoint: the name of the checkpoint for the message.
        fields: the fields of its configuration.

    Raises:
        InvalidInputError: a field is one of transformers 5, and an older version is installed.
    """
    if not _is_older(installed(), "5"):
        return
    for name, value in _fields_in(fields):
        if name in UNREAD and value != UNREAD[name]:
            raise InvalidInputError(
                f"{checkpoint}: expected a configuration that transformers {installed()} reads "
                f"whole, got the field {name} of transformers 5, which it would skip, so that the "
                "model would compute something else; install transformers 5 "
                "(docs/how-to/use-transformers-5.md)"
            )


def _fields_in(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields the fields of a configuration and of those inside it."""
    for name, value in fields.items():
        yield name, value
        if isinstance(value, dict):
            yield from _fields_in(value)


def _is_older(version: str, than: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version) < Version(than)
    except InvalidVersion:  # the number in a stranger's file
        return False


def paths_of_image_layers() -> tuple[str, str]:
    """Returns the paths, in models of images, of their layers, and in a layer of its attention."""
    if _is_older(installed(), "5"):
        return "encoder.layer", "attention.attention"
    return "layers", "attention"
