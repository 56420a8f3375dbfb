"""The attention of many examples, before and after the attack, for the view of each in the page."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from ..benchmark import Results
from ..errors import AttendError
from .attention import TOKENS, attention_of, successes

MOST = 40
"""The most examples whose attention a page has; computing that of more takes long."""


def attention_values(results: Results, *, trusted: bool) -> dict[Hashable, dict[str, Any]]:
    """Returns the attention of the head that lost most, as the page's script reads it, by row.

    Checkpoints or data that are missing or have changed end it; the page says why, where it shows
    one of these maps as a figure.

    Args:
        results: the results of runs.
        trusted: whether checkpoints and data that the results name may be loaded.
    """
    found: dict[Hashable, dict[str, Any]] = {}
    rows = successes(results, trusted=trusted).head(MOST)
    try:
        for index, head in attention_of(results, rows):
            found[index] = {
                "layer": head.layer,
                "head": head.head,
                "before": head.before.ravel().tolist(),
                "after": head.after.ravel().tolist(),
            }
    except AttendError:
        pass
    return found


def limits(results: Results, found: Mapping[Hashable, Any]) -> str:
    """Says of which examples a page has the attention before and after the attack, and why.

    It is empty where no attack on attention succeeded.

    Args:
        results: the results of runs.
        found: what `attention_values` returned.
    """
    if results.rows["masked"].isna().all():
        return ""
    if found:
        return (
            f"The maps have the attention before and after the attack of {len(found)} examples: of "
            f"the successes of at most {TOKENS} tokens, the {MOST} with the fewest masked matrices."
        )
    return (
        "The maps have no attention before and after the attack: a report loads no checkpoint "
        "that a store names, unless --attention is given, and the maps show texts of at most "
        f"{TOKENS} tokens."
    )
