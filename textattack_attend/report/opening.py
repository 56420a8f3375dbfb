"""The opening of the page: what was found in a sentence, and the first success as an example."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..benchmark import Results, summary
from ..benchmark.metrics import are
from ..structures import decode
from ..structures.describe import describe, summarize
from .panels import Pair


@dataclass(frozen=True)
class Success:
    """A success of an attack, as the page shows it.

    Args:
        row: the row of the results.
        masked: what its structure masks, in a few words; empty for an attack on words.
        lines: the masked units, a line for every matrix.
    """

    row: dict[str, Any]
    masked: str
    lines: list[str]


def sentences(results: Results) -> list[str]:
    """Returns what was found: the strongest attacks first, then how all examples ended."""
    measured = _measured(results)
    every, on_attention = _strongest(measured), _strongest(measured, _on_attention(results))
    attacks = results.rows["attack"].nunique()
    rank = f" is the strongest of {attacks} attacks: it" if attacks > 1 else ""
    found = [_found(results, every, rank)]
    if on_attention not in (None, every):
        rank = " is the strongest attack on attention: it"
        found.append(_found(results, on_attention, rank))
    return [*found, _counts(results)]


def first_success(results: Results) -> Success | None:
    """Returns the first success of the strongest attack on attention, or else on words.

    It is None if no attack succeeded.
    """
    measured = _measured(results)
    pair = _strongest(measured, _on_attention(results)) or _strongest(measured)
    rows = results.rows[are("succeeded", results.rows)]
    if pair is None or rows.empty:
        return None
    found = rows[(rows["victim"] == pair[0]) & (rows["attack"] == pair[1])]
    if found.empty:
        return None
    row = found.iloc[0].to_dict()
    if not isinstance(row["masked"], str):
        return Success(row, "", [])
    structure = decode(row["masked"])
    tokens = json.loads(row["tokens"])
    if len(tokens) != structure.shape.tokens:  # a stranger's store, whose pairs have no names
        return Success(row, summarize(structure), [])
    lines = describe(structure, tokens)
    # The arrow of the page's other lists, which no line breaks in two.
    return Success(row, summarize(structure), [line.replace(" -> ", " → ") for line in lines])


def _found(results: Results, pair: Pair | None, rank: str) -> str:
    """Says what an attack did to a victim."""
    if pair is None:
        return "No example could be attacked."
    victim, attack = pair
    metrics = _measured(results).loc[[pair]].set_index("measure")
    of_pair = results.rows[(results.rows["victim"] == victim) & (results.rows["attack"] == attack)]
    models = len(of_pair[["checkpoint", "seed"]].drop_duplicates())
    mean = f" (means over {models} models)" if models > 1 else ""
    before, after = _share(metrics, "clean"), _share(metrics, "robust")
    if metrics.at["ASR", "mean"] == 0:
        alone = results.rows["victim"].nunique() == 1
        stays = f": the accuracy of {victim} stays {before}{mean}" if alone else ""
        return f"No attack succeeded{stays}."
    return (
        f"{attack}{rank} lowers the accuracy of {victim} from {before} to {after}, and succeeds on "
        f"{_share(metrics, 'ASR')} of the examples that it attacks{mean}."
    )


def _counts(results: Results) -> str:
    """Says how the attacks on all examples ended; a skipped example is not an attacked one."""
    rows = results.rows
    counts = rows["outcome"].value_counts()
    attacks, victims = rows["attack"].nunique(), rows["victim"].nunique()
    done = len(rows)
    begun = (
        "" if done >= results.expected else f" of {results.expected:,}, as the run is not done yet"
    )
    said = [f"{are('attacked', rows).sum():,} were attacked ({_ended(counts)})"]
    if counts.get("skipped", 0):
        said.append(f"{counts['skipped']:,} were skipped, as the victim was wrong already")
    if counts.get("error", 0):
        said.append(f"{counts['error']:,} could not be attacked")
    return (
        f"{_number(done, 'result')}{begun} ({_number(attacks, 'attack')} on "
        f"{_number(victims, 'victim')}, one result for each example): {'; '.join(said)}."
    )


def _ended(counts: pd.Series) -> str:
    return ", ".join(f"{counts.get(outcome, 0):,} {outcome}" for outcome in ("succeeded", "failed"))


def _measured(results: Results) -> pd.DataFrame:
    return summary(results).set_index(["victim", "attack"])


def _on_attention(results: Results) -> set[Pair]:
    """Returns the attacks on victims that masked units in a success."""
    rows = results.rows[results.rows["masked"].notna()]
    return set(zip(rows["victim"], rows["attack"], strict=True))


def _strongest(measured: pd.DataFrame, among: Collection[Pair] | None = None) -> Pair | None:
    """Returns the victim and the attack with the highest success rate."""
    rates = measured.loc[measured["measure"] == "ASR", "mean"].dropna()
    if among is not None:
        rates = rates[rates.index.isin(list(among))]
    return None if rates.empty else rates.idxmax()


def _share(metrics: pd.DataFrame, name: str) -> str:
    """Returns a share with its 95% interval."""
    mean, low, high = metrics.loc[name, ["mean", "low", "high"]]
    return f"{mean:.1%} (95% interval {100 * low:.0f} to {100 * high:.0f}%)"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
