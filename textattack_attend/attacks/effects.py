"""The effect of each masked unit: how much of the margin of a structure depends on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from ..attention import AttentionCapture, Loss
from ..data.texts import Text
from ..errors import require_whole_number
from ..rankings.masking_effect import masking_effect
from ..structures import Structure, names_in_layer
from ..victims.encoding import EncodedText
from ..victims.victim import CleanPass, Victim
from .goals import margin_loss

MOST = 1000
"""The most units whose effect is computed, unless another number is given."""
AT_ONCE = 256
"""The structures that are evaluated in one call, so that few of them are in memory."""

Units = npt.NDArray[np.int64]
"""Units as (layer, head, query, key) rows, (N, 4)."""


def pairs_by_effect(
    victim: Victim, text: Text, structure: Structure, label: int, most: int = MOST
) -> pd.DataFrame:
    """Returns the masked units of a structure, those of the largest effect first.

    The margin is the lead of the best wrong class over the label, in logits. The effect of a unit
    is the margin under the structure, less the margin under the structure without this unit: what
    the attack would lose if the query saw the key again. Each effect is exact, as the victim is
    asked about every structure without one unit.

    If more than ``most`` units are masked, it is asked only about as many, those whose effect is
    largest to first order, see `masking_effect`. All others have the effect NaN, and come last.

    Args:
        victim: the victim; its precision should be the model's own, "float32".
        text: the text that the structure belongs to.
        structure: the structure.
        label: the class of the text.
        most: the most units whose effect is computed.

    Returns:
        A row for each masked unit, with the columns layer, head, query, key (the tokens, named as
        the attack prints them), effect, query_position and key_position.

    Raises:
        InvalidInputError: ``most`` is no whole number of at least 1.
        StructureMismatchError: the structure does not fit the victim, or its text.
    """
    require_whole_number("most", most)
    encoded = victim.inputs.encoded(text)
    loss = partial(_margin, label)
    units = structure.units
    effects = np.full(len(units), np.nan)
    if len(units) > most:
        estimates = _first_order(victim, encoded, structure, loss)
        chosen = np.argsort(-estimates, kind="stable")[:most]
    else:
        chosen = np.arange(len(units))
    effects[chosen] = _exact(victim, encoded, structure, loss, units[chosen])
    table = _table(structure, victim.tokens(encoded), effects)
    return table.sort_values("effect", ascending=False, kind="stable", ignore_index=True)


def _margin(label: int, logits: Tensor) -> Tensor:
    """Computes the lead of the best wrong class over the label, from logits (1, C)."""
    return margin_loss(logits, torch.tensor([label], device=logits.device))


def _exact(
    victim: Victim, encoded: EncodedText, structure: Structure, loss: Loss, units: Units
) -> list[float]:
    """Computes the effects of units by evaluating the structure without each of them."""
    (clean_pass,) = victim.read([encoded], [None])
    (whole,) = _margins(victim, clean_pass, [structure], loss)
    without = (_without(structure, *unit) for unit in units.tolist())
    return [
        whole - margin
        for some in _batches(without)
        for margin in _margins(victim, clean_pass, some, loss)
    ]


def _margins(
    victim: Victim, clean_pass: CleanPass, structures: Sequence[Structure], loss: Loss
) -> list[float]:
    logits = victim.logits_from([(clean_pass, structure) for structure in structures])
    return [float(loss(row[None].double())) for row in logits]


def _without(structure: Structure, layer: int, head: int, query: int, key: int) -> Structure:
    """Returns a structure in which a unit is seen again."""
    cells = {matrix: structure.cells(*matrix) for matrix in structure.matrices}
    own = cells[layer, head]
    cells[layer, head] = own[own != query * structure.shape.tokens + key]
    return Structure(structure.shape, cells)


def _batches(structures: Iterator[Structure]) -> Iterator[list[Structure]]:
    while some := list(islice(structures, AT_ONCE)):
        yield some


def _first_order(
    victim: Victim, encoded: EncodedText, structure: Structure, loss: Loss
) -> npt.NDArray[np.float32]:
    """Estimates the effect of every masked unit from one gradient under the structure, (N,)."""
    units = structure.units
    estimates = np.zeros(len(units), np.float32)

    def visit(layer: int, capture: AttentionCapture) -> None:
        own = np.flatnonzero(units[:, 0] == layer)
        _, heads, queries, keys = units[own].T
        cells, at = np.unique(queries * structure.shape.tokens + keys, return_inverse=True)
        effects = masking_effect(capture, structure, layer, cells.astype(np.int32))
        estimates[own] = effects[heads, at]

    (done,) = victim.forward_passes([encoded], [structure], [loss])
    done.each_layer(visit)
    return estimates


def _table(
    structure: Structure, tokens: Sequence[str], effects: npt.NDArray[np.float64]
) -> pd.DataFrame:
    layers, heads, queries, keys = structure.units.T
    names = [names_in_layer(structure.shape, n, tokens) for n in range(structure.shape.layers)]
    columns: dict[str, Any] = {
        "layer": layers,
        "head": heads,
        "query": [names[n][0][at] for n, at in zip(layers, queries, strict=True)],
        "key": [names[n][1][at] for n, at in zip(layers, keys, strict=True)],
        "effect": effects,
        "query_position": queries,
        "key_position": keys,
    }
    return pd.DataFrame(columns)
