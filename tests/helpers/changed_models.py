"""Changes models between two attacks by adapters, hooks, layers and more, each with a name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate.hooks import ModelHook, add_hook_to_module
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from transformers.models.bert.modeling_bert import BertLayer

from ..conftest import tiny_model

Undo = Callable[[], object]
Change = Callable[[Any], Undo | None]
"""A function that changes a model, and returns one that undoes the change, if that is needed."""

OTHER = "other"


def with_adapters(family: str = "bert", **options: Any) -> Any:
    """Makes a tiny classifier with two adapters in its layers, the first of which is active."""
    names = {"bert": ["query", "key", "value", "dense"], "distilbert": ["q_lin", "v_lin"]}
    config = LoraConfig(
        task_type="SEQ_CLS",
        r=4,
        lora_alpha=4,
        target_modules=names[family],
        init_lora_weights=False,
        **options,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = get_peft_model(tiny_model(family), config)
        model.add_adapter(OTHER, config)
    return model.eval()


def layers(model: Any) -> Any:
    return model.base_model.encoder.layer


def attention(model: Any, layer: int) -> Any:
    return layers(model)[layer].attention.self


# --- of adapters; these are given the model of PEFT ---


@torch.no_grad()
def change_adapters_in_place(model: Any) -> None:
    for name, weight in model.named_parameters():
        if "lora_B.default" in name:
            weight.neg_()


def change_adapters_through_data(model: Any) -> None:
    for name, weight in model.named_parameters():
        if "lora_B.default" in name:
            weight.data = -weight.data


def set_the_other_adapter(model: Any) -> None:
    model.set_adapter(OTHER)


def disable_adapters(model: Any) -> None:
    model.base_model.disable_adapter_layers()


def merge_adapters(model: Any) -> None:
    model.base_model.merge_adapter()


def scale_adapters(model: Any) -> None:
    for module in model.modules():
        if isinstance(getattr(module, "scaling", None), dict):  # layers have a number of that name
            module.scaling["default"] *= -1.0


ADAPTERS: dict[str, Change] = {
    "weights in place": change_adapters_in_place,
    "weights through .data": change_adapters_through_data,
    "set_adapter": set_the_other_adapter,
    "disabled": disable_adapters,
    "merged": merge_adapters,
    "scaled": scale_adapters,
}

# --- of layers; the engine is exact on these ---


class Doubled(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


def parametrised(layer: int, name: str) -> Change:
    def change(model: Any) -> None:
        projection = getattr(attention(model, layer), name)
        nn.utils.parametrize.register_parametrization(projection, "weight", Doubled())

    return change


def spectral_norm_of_the_last_value(model: Any) -> None:
    nn.utils.parametrizations.spectral_norm(attention(model, -1).value)
    model.eval()


class Squared(nn.Linear):
    """A subclass that does not multiply by its own weights."""

    def forward(self, rows: Tensor) -> Tensor:
        return super().forward(rows) ** 2


def subclass_of_the_last_key(model: Any) -> None:
    attention(model, -1).key.__class__ = Squared


def no_bias_of_the_last_value(model: Any) -> None:
    attention(model, -1).value.bias = None


def other_head(model: Any) -> None:
    old = model.classifier
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model.classifier = nn.Linear(old.in_features, old.out_features)


def reversed_layers(model: Any) -> None:
    model.base_model.encoder.layer = nn.ModuleList(reversed(layers(model)))


@torch.no_grad()
def one_value_through_data(model: Any) -> None:
    """Changes a single value, far from the first ones of its weight, through ``.data``."""
    layers(model)[1].output.dense.weight.data[3, 5] += 40.0


EXACT: dict[str, Change] = {
    "a parametrised key of the last layer": parametrised(-1, "key"),
    "a parametrised value of the last layer": parametrised(-1, "value"),
    "a parametrised query of the first layer": parametrised(0, "query"),
    "spectral norm": spectral_norm_of_the_last_value,
    "a subclass of nn.Linear": subclass_of_the_last_key,
    "a value without bias": no_bias_of_the_last_value,
    "another head": other_head,
    "layers in reverse": reversed_layers,
    "one value of a weight through .data": one_value_through_data,
}

# --- around modules; these are evaluated by whole forward passes ---


def hooked(find: Callable[[Any], nn.Module], output: Callable[[Any], Any]) -> Change:
    def change(model: Any) -> Undo:
        return find(model).register_forward_hook(lambda module, rows, out: output(out)).remove

    return change


def first_token_doubled(out: Any) -> Any:
    """Doubles the hidden state of the first token, which rows of the engine cannot tell apart."""
    hidden = out[0] if isinstance(out, tuple) else out
    hidden = torch.cat([2 * hidden[:, :1], hidden[:, 1:]], 1)
    return (hidden, *out[1:]) if isinstance(out, tuple) else hidden


def other_logits(out: Any) -> Any:
    out.logits = out.logits.roll(1, -1)
    return out


def hook_before_the_last_layer(model: Any) -> Undo:
    handle = layers(model)[-1].register_forward_pre_hook(
        lambda module, arguments, named: ((2 * arguments[0], *arguments[1:]), named),
        with_kwargs=True,
    )
    return lambda: handle.remove()


def hook_of_all_modules(model: Any) -> Undo:
    last = layers(model)[-1]
    handle: Any = register_module_forward_hook(
        lambda module, rows, out: first_token_doubled(out) if module is last else None
    )
    return lambda: handle.remove()


class DoublingHook(ModelHook):
    def post_forward(self, module: nn.Module, output: Any) -> Any:
        return first_token_doubled(output)


def hook_of_accelerate(model: Any) -> None:
    """Adds a hook of accelerate, which replaces the forward of the module."""
    add_hook_to_module(layers(model)[1], DoublingHook())


AROUND: dict[str, Change] = {
    "a hook on a key": hooked(lambda m: attention(m, -1).key, lambda out: 2 * out),
    "a hook on a value": hooked(lambda m: attention(m, 0).value, first_token_doubled),
    "a hook on an attention module": hooked(lambda m: attention(m, 1), first_token_doubled),
    "a hook on the last layer": hooked(lambda m: layers(m)[-1], first_token_doubled),
    "a hook on the encoder": hooked(lambda m: m.base_model, lambda out: out),
    "a hook on the pooler": hooked(lambda m: m.base_model.pooler, lambda out: -out),
    "a hook on the model": hooked(lambda m: m, other_logits),
    "a hook before a layer": hook_before_the_last_layer,
    "a hook of all modules": hook_of_all_modules,
    "a hook of accelerate": hook_of_accelerate,
}


class LayerOfTheirOwn(BertLayer):
    """Computes something else than a layer of its family, without a hook."""

    def forward(self, *arguments: Any, **named: Any) -> Any:
        return first_token_doubled(super().forward(*arguments, **named))


@contextmanager
def under(change: Change, model: Any) -> Iterator[None]:
    """Changes a model inside the context, and undoes the change afterwards if possible."""
    undo = change(model)
    try:
        yield
    finally:
        if undo is not None:
            undo()
