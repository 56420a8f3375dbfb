"""The softmax of attention: the one place where the package looks into a model, or changes it.

Families bring their masks in many ways: added to the scores, as booleans, as 0 and 1, together with
a position bias, or not at all. In the end each attention module takes one softmax over the scores
(B, H, queries, keys), by itself or inside PyTorch's ``scaled_dot_product_attention``. While a
module runs, PyTorch's own function modes show these two calls; everything else passes through.

Units are counted by queries and keys, so a softmax of another size would have the wrong units
masked without a word: whatever is not one softmax a call over as many keys as queries is refused. A
family may declare columns behind the keys, as the sinks of attention that some models have.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, pad, scaled_dot_product_attention, softmax
from torch.overrides import TorchFunctionMode

from ..errors import UnsupportedModelError
from .forwards import Forward, changed_forwards


class SoftmaxMode(TorchFunctionMode):
    """Intercepts the softmax of one layer's attention; subclasses record or change it.

    Attributes:
        ran: true once the layer has taken its softmax.
        extra_keys: the number of columns of the softmax behind those of the keys, which
            `softmax_modes` sets.
    """

    ran = False
    extra_keys = 0
    _taken_in_call = False

    def over(self, forward: Forward) -> Forward:
        """Returns a forward that runs under this mode."""

        def under_a_mode(*args: Any, **kwargs: Any) -> Any:
            self._taken_in_call = False
            with self:
                return forward(*args, **kwargs)

        return under_a_mode

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if function is softmax:
            self._take()
            return self.softmax(*args, **kwargs)
        if function is scaled_dot_product_attention:
            self._take()
            return self.fused(*args, **kwargs)
        return function(*args, **kwargs)

    def _take(self) -> None:
        """Notes that the layer takes its softmax.

        Raises:
            UnsupportedModelError: the layer took another softmax in the same call.
        """
        if self._taken_in_call:
            raise UnsupportedModelError(
                "expected an attention module that takes one softmax a call, got one that takes "
                "several: which of them to mask is not known; register a family that names a "
                "module with one"
            )
        self.ran = self._taken_in_call = True

    def require_size(self, size: Sequence[int]) -> None:
        """Refuses scores that are not (B, H, queries, keys) with as many keys as queries.

        Args:
            size: the size of the scores, with the declared columns behind the keys.

        Raises:
            UnsupportedModelError: the scores have another size.
        """
        if len(size) != 4 or size[-1] - self.extra_keys != size[-2]:
            columns = f" and {self.extra_keys} more columns" if self.extra_keys else ""
            raise UnsupportedModelError(
                f"expected a softmax over scores (batch, heads, queries, keys) with as many keys "
                f"as queries{columns}, got scores of size {tuple(size)}: units cannot be told "
                "apart there; declare extra columns in the family, and run without a cache of keys"
            )

    def softmax(self, scores: Tensor, dim: int, **options: Any) -> Tensor:
        """Computes probabilities from scores, each (B, H, queries, keys)."""
        self.require_size(scores.shape)
        return softmax(scores, dim, **options)

    def fused(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        """Computes what ``scaled_dot_product_attention`` does, step by step."""
        scores = scores_of(query, key, attn_mask, is_causal, scale)
        probabilities = self.softmax(scores, -1).to(value.dtype)
        value = value.repeat_interleave(query.shape[1] // value.shape[1], 1)
        return dropout(probabilities, dropout_p) @ value


def scores_of(
    query: Tensor, key: Tensor, mask: Tensor | None, is_causal: bool, scale: float | None
) -> Tensor:
    """Computes the scores that ``scaled_dot_product_attention`` uses, (B, H, queries, keys).

    Args:
        query: queries, (B, H, queries, D).
        key: keys, (B, H, keys, D), or of fewer heads, each of which serves several query heads.
        mask: a float tensor that is added to the scores, or a bool tensor that is true where a key
            is visible; None for neither.
        is_causal: true if a query cannot see later keys.
        scale: the factor of the products; None for one over the root of D.
    """
    key = key.repeat_interleave(query.shape[1] // key.shape[1], 1)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = query @ key.transpose(-1, -2)
    scores *= scale  # in place, as the scores of a long text take hundreds of megabytes
    added = added_to_scores(mask, is_causal, scores, scores.shape[-2:])
    return scores if added is None else scores + added


class BiasedSoftmax(SoftmaxMode):
    """Adds a bias to the scores; subclasses say which."""

    @abstractmethod
    def bias(self, like: Tensor, mask: Tensor | None, keys: int) -> Tensor:
        """Returns the bias to add to the scores, (B, H, queries, keys).

        Args:
            like: a tensor of the scores' dtype, (B, H, queries, any length).
            mask: the model's own additive mask, or the scores with it; None if all is visible.
            keys: the number of keys, without the columns behind them.
        """

    def softmax(self, scores: Tensor, dim: int, **options: Any) -> Tensor:
        """Computes probabilities from the scores and the bias."""
        self.require_size(scores.shape)
        # In float16, which occurs under autocast only, what is left of a score beside the bias
        # would tell the units of a fully masked row apart.
        scores = scores.float() if scores.dtype == torch.float16 else scores
        keys = scores.shape[-1] - self.extra_keys
        bias = self.bias(scores, scores[..., :keys], keys)
        bias = pad(bias, (0, self.extra_keys)) if self.extra_keys else bias
        return softmax(scores + bias, dim, **options)

    def fused(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        """Calls PyTorch's ``scaled_dot_product_attention`` with the bias added to its mask."""
        if _computes_in_half_precision(query):  # see `softmax`
            with torch.autocast(query.device.type, enabled=False):
                query, key, value = query.float(), key.float(), value.float()
                return self.fused(
                    query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa
                )
        size = (query.shape[-2], key.shape[-2])
        self.require_size((*query.shape[:-2], *size))
        mask = added_to_scores(attn_mask, is_causal, query, size)
        bias = self.bias(query, mask, key.shape[-2])
        mask = bias if mask is None else mask + bias
        return scaled_dot_product_attention(
            query, key, value, mask, dropout_p, scale=scale, enable_gqa=enable_gqa
        )


def _computes_in_half_precision(query: Tensor) -> bool:
    """Returns whether attention is computed in float16, by autocast or by the query's dtype."""
    device = query.device.type
    cast = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) == torch.float16
    return cast or query.dtype == torch.float16


def far_below(dtype: torch.dtype) -> float:
    """Returns the bias of masked units: half of the most negative number of a dtype.

    It is only half, because a row that is masked everywhere must become uniform over the visible
    keys, and padding (finfo.min) must stay below them. It is finite in single precision in any
    case, because some families compute every softmax in that.
    """
    return max(torch.finfo(dtype).min, torch.finfo(torch.float32).min) / 2


def added_to_scores(
    mask: Tensor | None, is_causal: bool, like: Tensor, size: tuple[int, ...]
) -> Tensor | None:
    """Returns what a mask of ``scaled_dot_product_attention`` adds to (..., queries, keys)."""
    if is_causal:
        mask = torch.ones(size, dtype=torch.bool, device=like.device).tril()
    if mask is None or mask.is_floating_point():
        return mask
    closed = torch.finfo(like.dtype).min
    return torch.zeros(mask.shape, dtype=like.dtype, device=like.device).masked_fill(~mask, closed)


@contextmanager
def softmax_modes(
    modules: Sequence[nn.Module], modes: Mapping[int, SoftmaxMode], extra_keys: int = 0
) -> Iterator[None]:
    """Runs every attention module under the mode of its layer inside the context.

    Args:
        modules: the attention module of each layer; one that serves several layers is called once
            for each, in order.
        modes: the mode of each layer that has one.
        extra_keys: the number of columns that the softmax has behind the keys; see `Family`.

    Raises:
        RuntimeError: a layer with a mode never took a softmax inside the context.
        UnsupportedModelError: a layer takes several softmaxes, or one of another size.
    """
    for mode in modes.values():
        mode.extra_keys = extra_keys
    with changed_forwards(modules, {layer: mode.over for layer, mode in modes.items()}):
        yield
    idle = [layer for layer, mode in sorted(modes.items()) if not mode.ran]
    if idle:
        raise RuntimeError(f"attention of layers {idle} never ran: the structure had no effect")
