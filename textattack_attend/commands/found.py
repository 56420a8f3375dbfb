"""The findings of an attack on a sentence, as lines for people and as a record for programs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .classes import prediction_at, prediction_of

if TYPE_CHECKING:
    import pandas as pd

    from ..attacks.results import StructureAttackResult

PAIRS = 10
"""The most pairs that are printed; a record has them all."""
EFFECTS = 300
"""The most pairs whose effect is computed, as a large model takes a second for a few of them."""
STRONGER = "hackattend-plus"


class Found:
    """The outcome of an attack on a sentence.

    Args:
        texts: the sentence, or its parts.
        result: the result of the attack.
        names: the name of every class.
    """

    def __init__(
        self, texts: tuple[str, ...], result: StructureAttackResult, names: Sequence[str]
    ) -> None:
        self.texts = texts
        self.result = result
        self.names = names
        probabilities = [
            judged.raw_output for judged in (result.original_result, result.perturbed_result)
        ]
        self.before, self.after = (prediction_of(own, names) for own in probabilities)
        number = result.original_result.ground_truth_output
        self.label = prediction_at(number, probabilities[0], names)
        self.label_after = prediction_at(number, probabilities[1], names)

    @property
    def outcome(self) -> str:
        """The word for how the attack ended: succeeded, failed or skipped."""
        return (
            type(self.result)
            .__name__.removesuffix("AttackResult")
            .lower()
            .replace("successful", "succeeded")
        )

    @property
    def succeeded(self) -> bool:
        """True if the prediction was flipped."""
        return self.outcome == "succeeded"

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """The masked pairs of a success by their effect."""
        return self.result.pairs(most=EFFECTS)


def lines_of(
    found: Found,
    model: str,
    recipe: str,
    options: Mapping[str, Any],
    *,
    saved: str | None,
    drawn: str | None,
) -> Iterator[str]:
    """Yields the lines that show what was found, and what to do next.

    Args:
        found: the outcome.
        model: the name of the victim, as it was given.
        recipe: the name of the attack.
        options: the options of the attack.
        saved: the file of the structure.
        drawn: the file of the figure.
    """
    if found.outcome == "skipped":
        yield _skipped(found)
        return
    yield f"before: {found.before}"
    if not found.succeeded:
        yield from _failed(found, recipe, options, saved, drawn)
        return
    from ..structures import summarize

    yield f"after:  {found.after}"
    yield f"{summarize(found.result.structure)}, found with {found.result.num_queries} queries"
    yield from pair_lines(found.pairs)
    if drawn:
        yield f"drawn in {drawn}"
    if saved:
        yield f"saved in {saved}; to replay it:"
        yield f"  textattack-attend replay {shlex.quote(saved)} --model {shlex.quote(model)}"
    else:
        yield "to replay it, here or on another model, add --save FILE.safetensors"


def _skipped(found: Found) -> str:
    if found.before.number == found.label.number:
        return f"before: {found.before}; the goal is reached already, without an attack"
    return (
        f"before: {found.before}; the label is {found.label.name}, so the model misclassifies the "
        "sentence already, without an attack"
    )


def _failed(
    found: Found,
    recipe: str,
    options: Mapping[str, Any],
    saved: str | None,
    drawn: str | None,
) -> Iterator[str]:
    yield (
        f"failed: {found.result.num_queries} queries flipped nothing; under the last mask it is "
        f"{found.label_after}"
    )
    if kept := " and ".join(filter(None, (saved and "saved", drawn and "drawn"))):
        yield f"nothing is {kept}"
    fraction = options.get("mask_fraction", 0.01)
    larger = f"--mask-fraction {min(1, 5 * fraction):g}, which is larger than {fraction:g}"
    stronger = f"--recipe {STRONGER}, which is stronger, or " if recipe != STRONGER else ""
    yield f"try {stronger}{larger}"


def pair_lines(pairs: pd.DataFrame) -> Iterator[str]:
    """Yields a table of the pairs of the largest effects, with an empty line around it."""
    shown = pairs.head(PAIRS)
    yield ""
    yield "effect  matrix    query -> key   (effect: logits of the margin that depend on the pair)"
    for row in shown.itertuples(index=False):
        matrix = f"L{row.layer} H{row.head}"
        yield f"{row.effect:+6.2f}  {matrix:8}  {row.query} -> {row.key}"
    if len(pairs) > len(shown):
        yield f"... and {len(pairs) - len(shown)} more pairs; --format json has all"
    unknown = int(pairs["effect"].isna().sum())
    if unknown:
        yield f"(the effect was computed for the {len(pairs) - unknown} most promising pairs)"
    yield ""


def record_of(found: Found, *, saved: str | None, drawn: str | None) -> dict[str, Any]:
    """Returns what was found as JSON holds it.

    Args:
        found: the outcome.
        saved: the file of the structure.
        drawn: the file of the figure.
    """
    structure = found.result.structure
    kept = found.succeeded
    return {
        "outcome": found.outcome,
        "text": found.texts[0] if len(found.texts) == 1 else list(found.texts),
        "label": {"number": found.label.number, "name": found.label.name},
        "before": found.before._asdict(),
        "after": found.after._asdict(),
        "queries": found.result.num_queries,
        "units": len(structure) if kept else 0,
        "matrices": len(structure.matrices) if kept else 0,
        "pairs": pair_records(found.pairs) if kept else [],
        "saved": saved if kept else None,
        "drawn": drawn if kept else None,
    }


def pair_records(pairs: pd.DataFrame) -> list[dict[str, Any]]:
    """Returns pairs as JSON holds them; an effect that was not computed is null."""
    rows: list[dict[str, Any]] = pairs.astype(object).where(pairs.notna(), None).to_dict("records")
    return rows
