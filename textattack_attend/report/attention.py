"""Computes the attention of a success in the results, before and after the attack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ..benchmark import Recipe, Results
from ..checkpoints.loading import load
from ..data.texts import Text
from ..demo import NAME, VICTIM_PATH
from ..display.head_attention import HeadAttention
from ..errors import InvalidInputError, described
from ..identity import Identity
from ..structures import Structure, decode
from ..victims.head_attention import most_attention_lost
from ..victims.victim import Victim

TOKENS = 24
"""The most tokens of a text whose map is still legible."""


def attention_of_a_success(results: Results) -> HeadAttention:
    """Returns the head that lost most attention in the success with the fewest perturbed matrices.

    It loads the checkpoint that the results name, and for texts of several columns the data.

    Raises:
        InvalidInputError: there is no success of an attack on attention with a text short enough,
            or its data or its checkpoint are missing or have changed.
    """
    row, recipe = _shown(results)
    model, tokenizer = load(_path(row["checkpoint"]))
    labels = (row["victim"], row["attack"], row["checkpoint"], int(row["seed"]))
    victim = Victim(model, tokenizer, max_tokens=recipe.max_tokens)
    _require_attacked(row["checkpoint"], results.cells[labels].key, victim)
    text = _text(row, recipe)
    # Older rows do not name the reach of the layers; the victim does.
    shape = victim.empty_structure(text).shape
    structure = Structure.from_units(shape, decode(row["masked"]).units)
    where = f"{row['attack']} on {row['victim']}: {row['text']}"
    return most_attention_lost(victim, text, structure, where)


def require_demo(results: Results) -> None:
    """Refuses results whose attention cannot be shown without files that they name.

    A stranger may have made the store, so files that it names are not loaded unless the user says
    so. The demo comes with the package.

    Raises:
        InvalidInputError: there is no success to show, or its victim is not the demo's.
    """
    row, _ = _shown(results)
    if row["checkpoint"] != NAME or "\n" in row["text"]:
        raise InvalidInputError(
            f"{described(row['checkpoint'])}: a report loads no checkpoint and no data that a "
            "store names; if the store is your own, give --attention"
        )


def _shown(results: Results) -> tuple[pd.Series, Recipe]:
    """Returns the short success with the fewest perturbed matrices, and its recipe."""
    rows = results.rows[results.rows["masked"].notna()]
    short = rows[[len(json.loads(tokens)) <= TOKENS for tokens in rows["tokens"]]]
    if short.empty:
        raise InvalidInputError(
            f"expected a success of an attack on attention with at most {TOKENS} tokens, got none"
        )
    row = short.sort_values(["matrices", "position"]).iloc[0]
    recipe = next(
        r
        for r in results.recipes
        if row["checkpoint"] in r.victims.get(row["victim"], ()) and row["attack"] in r.attacks
    )
    return row, recipe


def _require_attacked(checkpoint: str, key: dict[str, Any], victim: Victim) -> None:
    """Refuses a victim that is not the one that the rows belong to."""
    if "victim" not in key:
        raise InvalidInputError(
            f"{checkpoint}: expected rows that name their whole victim, got some of a store of "
            "version 0, which names a sample of the weights; attack it again into a new store"
        )
    try:
        attacked = Identity.from_dict({**key["victim"], "settings": key["settings"]})
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"{checkpoint}: expected rows of a victim ({error})") from error
    if differing := attacked.differing(victim.identity()):
        raise InvalidInputError(
            f"{checkpoint}: expected the model that was attacked, got one that differs in "
            f"{', '.join(differing)}; put it back, or attack it again"
        )


def _path(checkpoint: str) -> str:
    """Returns the folder, or the name on the hub, that the name of a checkpoint stands for."""
    if checkpoint == NAME:
        return str(VICTIM_PATH)
    if Path(checkpoint).is_dir():
        return checkpoint
    from ..models.wrappers import checkpoint_named  # TextAttack takes seconds

    return checkpoint_named(checkpoint)


def _text(row: pd.Series, recipe: Recipe) -> Text:
    """Returns the row's text, read again from the data set if it has several columns."""
    text: str = row["text"]
    if "\n" not in text:
        return text
    from ..datasets import dataset_named  # TextAttack takes seconds

    position = int(row["position"])
    columns, _ = dataset_named(recipe.data, start=position, count=1)[position]
    return tuple(columns.values()) if len(columns) > 1 else text
