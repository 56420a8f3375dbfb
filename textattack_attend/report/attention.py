"""Computes the attention of successes in the results, before and after the attack."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..benchmark import Recipe, Results
from ..data.texts import Text
from ..demo import NAME, VICTIM_PATH
from ..display.head_attention import HeadAttention
from ..errors import InvalidInputError, described
from ..identity import Identity
from ..structures import Structure, decode

if TYPE_CHECKING:
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
    ((_, found),) = attention_of(results, _simplest(results))
    return found


def attention_of(results: Results, rows: pd.DataFrame) -> Iterator[tuple[Hashable, HeadAttention]]:
    """Yields the head that lost most attention in every row, with the index of the row.

    It loads the checkpoints that the results name, and for texts of several columns the data.

    Args:
        results: the results to which the rows belong.
        rows: rows of successes of attacks on attention.

    Raises:
        InvalidInputError: data or a checkpoint are missing or have changed.
    """
    for checkpoint, of_checkpoint in rows.groupby("checkpoint", sort=False):
        victims: dict[int | None, Victim] = {}
        for labels, own in of_checkpoint.groupby(["victim", "attack", "seed"], sort=False):
            victim, attack, seed = labels
            recipe = _recipe(results, victim, attack, str(checkpoint))
            if recipe.max_tokens not in victims:
                victims[recipe.max_tokens] = _loaded(str(checkpoint), recipe.max_tokens)
            attacked = victims[recipe.max_tokens]
            key = results.cells[victim, attack, str(checkpoint), int(seed)].key
            _require_attacked(str(checkpoint), key, attacked)
            for index, row in own.iterrows():
                yield index, _attention(attacked, row, _text(row, recipe))


def successes(results: Results, *, trusted: bool) -> pd.DataFrame:
    """Returns the successes whose attention can be shown, those with the fewest matrices first.

    A stranger may have made the store, so files that it names are not loaded unless the user says
    so. The demo comes with the package.

    Args:
        results: the results of runs.
        trusted: whether checkpoints and data that the results name may be loaded.
    """
    rows = results.rows[results.rows["masked"].notna()]
    short = rows[rows["tokens"].map(lambda tokens: len(json.loads(tokens)) <= TOKENS).astype(bool)]
    if not trusted:
        short = short[(short["checkpoint"] == NAME) & ~short["text"].str.contains("\n")]
    return short.sort_values(["matrices", "position"])


def require_demo(results: Results) -> None:
    """Refuses results whose attention cannot be shown without files that they name.

    Raises:
        InvalidInputError: there is no success to show, or its victim is not the demo's.
    """
    row = _simplest(results).iloc[0]
    if row["checkpoint"] != NAME or "\n" in row["text"]:
        raise InvalidInputError(
            f"{described(row['checkpoint'])}: a report loads no checkpoint and no data that a "
            "store names; if the store is your own, give --attention"
        )


def _simplest(results: Results) -> pd.DataFrame:
    """Returns the row of the short success with the fewest perturbed matrices."""
    found = successes(results, trusted=True).head(1)
    if found.empty:
        raise InvalidInputError(
            f"expected a success of an attack on attention with at most {TOKENS} tokens, got none"
        )
    return found


def _recipe(results: Results, victim: str, attack: str, checkpoint: str) -> Recipe:
    """Returns the recipe that attacked a checkpoint."""
    return next(
        recipe
        for recipe in results.recipes
        if checkpoint in recipe.victims.get(victim, ()) and attack in recipe.attacks
    )


def _loaded(checkpoint: str, max_tokens: int | None) -> Victim:
    """Loads a victim; what it takes to do so is imported here, as most reports load none."""
    from ..checkpoints.loading import load
    from ..victims.victim import Victim

    return Victim(*load(_path(checkpoint)), max_tokens=max_tokens)


def _attention(victim: Victim, row: pd.Series, text: Text) -> HeadAttention:
    """Computes the attention of a success with and without its structure."""
    from ..victims.head_attention import most_attention_lost  # it takes seconds, as above

    # Older rows do not name the reach of the layers; the victim does.
    shape = victim.empty_structure(text).shape
    structure = Structure.from_units(shape, decode(row["masked"]).units)
    where = f"{row['attack']} on {row['victim']}: {row['text']}"
    return most_attention_lost(victim, text, structure, where)


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
