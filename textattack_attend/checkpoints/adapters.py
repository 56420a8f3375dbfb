"""Adapters of PEFT: folders with a few weights, which change the layers of the model they name.

Only adapters that are a part of layers, as LoRA, can be attacked: the model inside PEFT's wrapper
then computes what the whole does. Their weights are read from safetensors alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from safetensors import safe_open
from transformers import PretrainedConfig
from transformers.models.auto import modeling_auto
from transformers.utils.hub import cached_file
from transformers.utils.peft_utils import ADAPTER_SAFE_WEIGHTS_NAME

from ..errors import CustomCodeError, InvalidInputError, UnsupportedModelError
from .configurations import adapter_file, base_of

PREFIX = "base_model.model."
"""The begin of the names of weights in an adapter's file, before their names in the base model."""
TOKENIZER_FILES = ("tokenizer_config.json", "tokenizer.json")
LANGUAGE = ("CAUSAL_LM", "SEQ_2_SEQ_LM")
"""The tasks of language models, which a prompt makes classifiers of."""
_CLASSES: dict[str, Any] = {
    "SEQ_CLS": modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    "CAUSAL_LM": modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    "SEQ_2_SEQ_LM": modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
}
"""The names of transformers' classes for a task of PEFT, by the kind of the model."""


@dataclass(frozen=True)
class Adapter:
    """An adapter with what its files say of it.

    Args:
        checkpoint: the folder of the adapter, or its name on the hub.
        base: the folder of the model that it changes, or the name on the hub.
        folder: the folder that holds the files of the adapter on this machine.
        config: the configuration of PEFT.
        sizes: the size of every weight in the file, by the name that it has in the base model.
    """

    checkpoint: str
    base: str
    folder: Path
    config: Any
    sizes: dict[str, tuple[int, ...]]

    @property
    def has_tokenizer(self) -> bool:
        """True if the adapter brings its tokenizer along; otherwise it has that of its model."""
        return any(_file(self.checkpoint, name) for name in TOKENIZER_FILES)

    @property
    def is_of_language_model(self) -> bool:
        """True if the adapter was trained in a language model."""
        return self.config.task_type in LANGUAGE

    def model_class(self, base: PretrainedConfig) -> str | None:
        """Returns the name of the class that the adapter was trained in, if its files say it.

        PEFT has no task for models that score choices; it then names the class, or the model is
        one that was saved as such.

        Args:
            base: the configuration of the base model.
        """
        named = (self.config.auto_mapping or {}).get("base_model_class")
        if isinstance(named, str):
            return named
        saved_as = next((name for name in base.architectures or [] if isinstance(name, str)), None)
        if saved_as and saved_as.endswith("ForMultipleChoice"):
            return saved_as
        known: str | None = _CLASSES.get(self.config.task_type, {}).get(base.model_type, saved_as)
        return known


def adapter_in(checkpoint: str) -> Adapter | None:
    """Reads the files of an adapter, except its weights; None for a checkpoint that is none.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.

    Raises:
        InvalidInputError: the adapter names no base model, its weights are no safetensors, or PEFT
            is not installed.
        UnsupportedModelError: the adapter is no part of layers.
        CustomCodeError: the adapter asks to import a module.
    """
    base, file = base_of(checkpoint), adapter_file(checkpoint)
    if base is None or file is None:
        return None
    if find_spec("peft") is None:
        raise InvalidInputError(
            f"{checkpoint}: expected the package peft, which loads adapters, got none; "
            "pip install 'textattack_attend[peft]'"
        )
    weights = _file(checkpoint, ADAPTER_SAFE_WEIGHTS_NAME)
    if weights is None:
        raise InvalidInputError(
            f"{checkpoint}: expected the weights of an adapter in {ADAPTER_SAFE_WEIGHTS_NAME}, got "
            "none; older files of PyTorch (.bin) are not read, because they are pickles: save the "
            "adapter again with save_pretrained, where it can be trusted"
        )
    return Adapter(checkpoint, base, weights.parent, _config(checkpoint, file), _sizes(weights))


def require_inside_layers(name: str, config: Any) -> None:
    """Refuses an adapter that does more than change the layers of a model.

    Args:
        name: the name of the adapter, for the message.
        config: the configuration of PEFT.

    Raises:
        UnsupportedModelError: the adapter adds tokens, looks for tokens, or mixes other adapters.
    """
    from peft import PEFT_TYPE_TO_TUNER_MAPPING, AdaLoraModel
    from peft.tuners.tuners_utils import BaseTuner

    tuner: Any = PEFT_TYPE_TO_TUNER_MAPPING.get(config.peft_type)
    if config.is_prompt_learning:
        why = "which puts tokens before every text"
    elif getattr(config, "alora_invocation_tokens", None):
        why = "which waits for its own tokens in a text"
    elif getattr(tuner, "forward", None) not in (BaseTuner.forward, AdaLoraModel.forward):
        why = "which works around a model"
    else:
        return
    raise UnsupportedModelError(
        "expected adapters inside the layers of a model, as LoRA, got the adapter "
        f"{name!r} of type {config.peft_type.value}, {why}: it cannot be attacked"
    )


def _config(checkpoint: str, file: Path) -> Any:
    """Returns the configuration of PEFT in the file of an adapter."""
    from peft import PeftConfig

    config: Any = PeftConfig.from_pretrained(str(file.parent))
    if getattr(config, "megatron_config", None):
        raise CustomCodeError(
            f"{checkpoint}: expected an adapter that is loaded without code of its own, got one "
            "whose megatron_config makes PEFT import a module by its name; it is never run here"
        )
    require_inside_layers(checkpoint, config)
    config.inference_mode = True
    return config


def _sizes(weights: Path) -> dict[str, tuple[int, ...]]:
    with safe_open(weights, "pt") as file:
        return {
            name.removeprefix(PREFIX): tuple(file.get_slice(name).get_shape())
            for name in file.keys()  # noqa: SIM118  # it is no mapping
        }


def _file(checkpoint: str, name: str) -> Path | None:
    """Returns the file of a checkpoint with some name, if it has one."""
    found = cached_file(
        checkpoint,
        name,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return None if found is None else Path(found)
