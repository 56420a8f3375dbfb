"""Plain modules, which compute what their class and their weights say, and nothing else.

Adapters, quantised layers, hooks, parametrisations and replaced forwards all compute something else
than ``module.weight`` says. So the engine reads and copies the weights of plain linear layers only,
and a model whose modules are changed from outside is evaluated by whole forward passes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from .forwards import ForwardInTurn

_FORWARD = nn.Linear.forward


def is_plain_linear(module: nn.Module) -> TypeGuard[nn.Linear]:
    """Returns whether a module is a linear layer of PyTorch, to which nothing was added.

    A parametrisation makes a subclass of the layer, and a weight in a format of its own is of a
    subclass of tensors.
    """
    return (
        type(module) is nn.Linear
        and nn.Linear.forward is _FORWARD
        and type(module.weight) is nn.Parameter
        and (module.bias is None or type(module.bias) is nn.Parameter)
        and not is_changed(module)
        and not _has_global_hooks()
    )


def weights_of(module: nn.Module) -> tuple[Tensor, Tensor | None] | None:
    """Returns the weight, (out, in), and the bias of a plain linear layer; else None."""
    return (module.weight, module.bias) if is_plain_linear(module) else None


def changed_module(model: nn.Module, spared: nn.Module | None = None) -> str | None:
    """Returns the name of the first module that runs anything but its class's forward.

    Args:
        model: the model whose modules are checked.
        spared: a module of the model that may be changed, as may the modules inside it.

    Returns:
        The name of the first such module, an empty one for the model itself; None without any.
    """
    if _has_global_hooks():
        return ""
    allowed = set() if spared is None else set(spared.modules())
    changed = (
        name
        for name, module in model.named_modules()
        if is_changed(module) and module not in allowed
    )
    return next(changed, None)


def is_changed(module: nn.Module) -> bool:
    """Returns whether a module has a hook around its forward, or a forward of its own.

    Hooks of the backward pass change no output.
    """
    return has_hooks(module) or own_forward(module) is not None


def own_forward(module: nn.Module) -> Callable[..., Any] | None:
    """Returns the forward that was set on the module itself instead of its class, if there is one.

    A forward that an attack in another thread has set for a while does not count: it holds for that
    thread alone, and hides the one that was there before.
    """
    forward: Callable[..., Any] | None = vars(module).get("forward")
    while isinstance(forward, ForwardInTurn):
        forward = forward.before
    return forward


def has_hooks(module: nn.Module) -> bool:
    """Returns whether a module has a hook before or after its forward."""
    return bool(module._forward_hooks or module._forward_pre_hooks)


def is_compiled(module: nn.Module) -> bool:
    """Returns whether a module came from ``torch.compile``, without importing the compiler."""
    return type(module).__name__ == "OptimizedModule"


def _has_global_hooks() -> bool:
    """Returns whether PyTorch calls a hook around the forward of every module."""
    return bool(torch_module._global_forward_hooks or torch_module._global_forward_pre_hooks)
