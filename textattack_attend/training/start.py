"""Loads the pretrained model that a training starts from, with a head for the task."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from ..checkpoints.loading import load_model
from ..errors import InvalidInputError, reason_of
from ..victims.requirements import embedding_rows

logger = logging.getLogger(__name__)


def pretrained(
    model: str, auto: Any, config: PretrainedConfig, trust_remote_code: bool = False
) -> Any:
    """Loads a pretrained model; a new head replaces one of another size, and a warning says so.

    Args:
        model: the folder of the model, or its name on the hub.
        auto: the Auto class of transformers that makes the model.
        config: the configuration, see `configuration_of`.
        trust_remote_code: whether to run the code that the model brings along.

    Raises:
        InvalidInputError: there is no such model, or its weights are those of another one.
    """
    try:
        loaded, info = load_model(
            auto,
            model,
            trust_remote_code,
            config=config,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except RuntimeError as error:
        raise InvalidInputError(
            f"{model}: expected a pretrained model whose weights can be loaded, got an error "
            f"({reason_of(error)})"
        ) from error
    _require_own_weights(model, loaded, info)
    return loaded


def _require_own_weights(model: str, loaded: PreTrainedModel, info: dict[str, Any]) -> None:
    """Refuses a model most of whose weights, those of its head aside, would be untrained."""
    prefix = f"{loaded.base_model_prefix}."
    # Some versions of transformers return the sizes as well.
    of_other_sizes = sorted(
        key if isinstance(key, str) else key[0] for key in info["mismatched_keys"]
    )
    below = [name for name in of_other_sizes if name.startswith(prefix)]
    if below:
        raise InvalidInputError(
            f"{model}: expected weights of the sizes that its config.json says, got others for "
            f"{len(below)} of them, the first is {below[0]}"
        )
    every = {name for name, _ in loaded.named_parameters() if name.startswith(prefix)}
    missing = every & set(info["missing_keys"])
    if 2 * len(missing) > len(
        every
    ):  # many checkpoints lack a few weights, as the pooler of a BERT
        raise InvalidInputError(
            f"{model}: expected the weights of a {type(loaded).__name__}, got "
            f"{len(every) - len(missing)} of {len(every)}; is the checkpoint one of another "
            "architecture?"
        )
    if of_other_sizes:
        logger.warning(
            "%s: its head was trained for another number of outputs; a new one, for %d, takes its "
            "place and learns from nothing",
            model,
            loaded.get_parameter(of_other_sizes[0]).shape[0],
        )


def require_known_tokens(
    sequences: Iterable[Sequence[int]],
    tokenizer: PreTrainedTokenizerBase,
    model: PreTrainedModel,
) -> None:
    """Refuses token ids that the model has no embedding for.

    Args:
        sequences: the token ids of texts.
        tokenizer: the tokenizer that made them.
        model: the model that is to read them.

    Raises:
        InvalidInputError: a text, or the padding, has such a token.
    """
    embeddings = embedding_rows(model)
    last = max([tokenizer.pad_token_id, *map(max, filter(None, sequences))])
    if last >= embeddings:
        raise InvalidInputError(
            f"{tokenizer.name_or_path}: expected tokens that the model has an embedding for, 0 to "
            f"{embeddings - 1}, got {last} ({tokenizer.convert_ids_to_tokens(last)!r}); take the "
            "model's own tokenizer, or resize its embeddings"
        )
