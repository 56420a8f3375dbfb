"""The token pairs on which a few successes of an attack on attention depend most."""

from __future__ import annotations

from typing import Any

import pandas as pd
from textattack.datasets import Dataset

from ..attacks.effects import pairs_by_effect
from ..attacks.structured_text import attacked_text
from ..models.wrappers import AttentionModelWrapper
from ..structures import Structure, decode

EXAMPLES = 3
"""The number of successes that are looked at."""
PAIRS = 5
"""The number of token pairs that are named for each."""
COLUMNS = ["position", "text", "before", "after", "layer", "head", "query", "key", "effect"]


def telling_pairs(
    wrapper: AttentionModelWrapper, dataset: Dataset, rows: pd.DataFrame
) -> pd.DataFrame:
    """Returns the token pairs with the largest effects, in the successes that mask fewest units.

    A success that masks few units is the easiest to understand. The effect of a pair is the margin,
    in logits, that the attack would lose if the query saw the key again.

    Args:
        wrapper: the wrapper of the victim that was attacked.
        dataset: the examples that were attacked.
        rows: the rows of one attack on attention, as `Results.rows` has them.

    Returns:
        A row for each pair, the largest effect of an example first: the ``position`` of the example
        in the data; its ``text``; the class that the victim predicts ``before`` and ``after`` the
        attack; ``layer``, ``head``, ``query``, ``key`` and ``effect``.
    """
    successes = rows[rows["masked"].notna()]
    units = successes["hamming"] * successes["matrices"]
    first = successes.assign(units=units).sort_values(["units", "position"]).head(EXAMPLES)
    found = [
        {**_named(row), **pair}
        for _, row in first.iterrows()
        for pair in _pairs(wrapper, dataset, row)
    ]
    return pd.DataFrame(found, columns=COLUMNS)


def _named(row: pd.Series) -> dict[str, Any]:
    """Returns the example of a row, and the classes before and after by their names."""
    before, after = row["before_name"], row["after_name"]
    return {"position": row["position"], "text": row["text"], "before": before, "after": after}


def _pairs(
    wrapper: AttentionModelWrapper, dataset: Dataset, row: pd.Series
) -> list[dict[str, Any]]:
    columns, label = dataset[int(row["position"])]
    text = attacked_text(columns).tokenizer_input
    # Older rows do not name the reach of the layers; the victim does.
    shape = wrapper.victim.empty_structure(text).shape
    structure = Structure.from_units(shape, decode(row["masked"]).units)
    pairs = pairs_by_effect(wrapper.victim, text, structure, label)
    named: list[dict[str, Any]] = pairs.head(PAIRS)[COLUMNS[4:]].to_dict("records")
    return named
