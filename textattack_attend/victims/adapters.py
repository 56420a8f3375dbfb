"""The configurations of adapters in a victim's identity, without where the adapters are from."""

from __future__ import annotations

from typing import Any

from torch import nn

from ..identity.content import canonical

ATTRIBUTE = "peft_config"
"""The attribute in which PEFT keeps the configuration of each adapter, by the adapter's name."""
IDLE_FIELDS = {
    "auto_mapping",
    "base_model_name_or_path",  # the weights of the base model are in the identity themselves
    "inference_mode",
    "peft_version",
    "revision",
}
"""Fields of a configuration that say where an adapter is from, not what it computes."""
NAMES = "modules_to_save"
"""The field with a list of names whose order means nothing, and which PEFT may fill twice."""


def adapters_of(module: nn.Module) -> dict[str, Any]:
    """Returns the configurations of the adapters of a model by the attribute that holds them.

    Args:
        module: the model; any other module has none.
    """
    configs = vars(module).get(ATTRIBUTE)
    if not isinstance(configs, dict):
        return {}
    return {ATTRIBUTE: {name: _fields_of(config) for name, config in configs.items()}}


def _fields_of(config: Any) -> Any:
    fields = canonical(config)
    if not isinstance(fields, dict):
        return fields
    fields = {name: own for name, own in fields.items() if name not in IDLE_FIELDS}
    return fields | {NAMES: sorted({*(fields.get(NAMES) or [])})}
