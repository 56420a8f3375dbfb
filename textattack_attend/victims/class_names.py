"""The names that a model gives to its classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import AutoConfig

from ..attention import LabelWordClassifier, is_multiple_choice
from ..checkpoints.loading import from_pretrained, scores_choices
from ..data.class_names import names_in, names_of_model
from ..errors import InvalidInputError


def class_names(model: Any, given: Sequence[str] = ()) -> tuple[str, ...]:
    """Returns the names of a model's classes in its order; none if nobody names them.

    They are those that a user gives, or else those of the model's configuration (``id2label``) if
    these say more than numbers. Choices have no names, and a language model has none of its own.

    Args:
        model: a model of transformers; another one names nothing.
        given: the names that the user gives, in the model's order.

    Raises:
        InvalidInputError: given names contradict the model's, or are not one for each class.
    """
    if is_multiple_choice(model):
        return _none_for_choices(given)
    config = getattr(model, "config", None)
    is_named = config is not None and not isinstance(model, LabelWordClassifier)
    own = names_in(getattr(config, "id2label", None)) if is_named else ()
    return names_of_model(own, given, getattr(config, "num_labels", len(given)))


def class_names_in(
    checkpoint: str, given: Sequence[str] = (), trust_remote_code: bool = False
) -> tuple[str, ...]:
    """Returns the names of a checkpoint's classes as `class_names` does, without loading its model.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.
        given: the names that the user gives, in the model's order.
        trust_remote_code: whether to run the code that the checkpoint brings along.

    Raises:
        InvalidInputError: there is no such checkpoint; or given names contradict the model's.
        CustomCodeError: the checkpoint needs code of its own, which is not allowed.
    """
    if scores_choices(checkpoint, trust_remote_code):
        return _none_for_choices(given)
    config = from_pretrained(AutoConfig, checkpoint, trust_remote_code)
    return names_of_model(names_in(config.id2label), given, config.num_labels)


def _none_for_choices(given: Sequence[str]) -> tuple[str, ...]:
    if given:
        raise InvalidInputError(
            "label names: expected none, as the model scores choices, which have positions in "
            "place of names"
        )
    return ()
