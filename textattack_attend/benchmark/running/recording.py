"""Makes a row of what an attack found."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable
from typing import Any

from textattack.attack_results import AttackResult, SkippedAttackResult, SuccessfulAttackResult
from textattack.goal_functions import GoalFunction
from textattack.shared import AttackedText
from torch import Tensor

from ...attacks.results import StructureAttackResult
from ...attention.threads import one_thread
from ...errors.printable import readable
from ...process.containment import contained
from ...structures import encode
from ..row import Row

LARGEST_LABEL = 2**63 - 1
"""The largest number that SQLite can keep."""
ERROR_LETTERS = 10_000
"""The most characters that a row keeps of an error's message."""


def row_of(position: int, result: AttackResult, seconds: float, goal_function: GoalFunction) -> Row:
    """Makes the row of a result.

    Args:
        position: the example's position in the data set.
        result: the result of the attack.
        seconds: the time that the attack took.
        goal_function: the attack's, on the victim.
    """
    original, final = result.original_result, result.perturbed_result
    label = int(original.ground_truth_output)
    structural = isinstance(result, StructureAttackResult)
    own = _of_structure if structural else _of_words
    before, after = (
        # Attacks on attention report the answer to the text by itself. TextAttack's own attacks
        # report the answer that the text had in a batch.
        judged.raw_output if structural else _judged_alone(goal_function, judged.attacked_text)
        for judged in (original, final)
    )
    return Row(
        position,
        _outcome(result),
        label,
        seconds,
        original.attacked_text.text,
        perturbed=final.attacked_text.text,
        before=int(original.output),
        after=int(final.output),
        confidence_before=float(before[label]),
        confidence_after=float(after[label]),
        queries=result.num_queries,
        **own(result),
    )


def _judged_alone(goal_function: GoalFunction, text: AttackedText) -> Tensor:
    """Returns the probabilities, float (C,), of one text by itself; no query is counted."""
    with one_thread():
        probabilities: Tensor = goal_function._call_model_uncached([text])[0]
    return probabilities


def error_row(position: int, texts: Iterable[Any], label: Any, error: Exception) -> Row:
    """Makes the row of an example that could not be attacked, whatever is wrong with it.

    Args:
        position: the position of the example.
        texts: the columns of the example.
        label: the label of the example.
        error: the error that was raised.
    """
    try:
        known: int | None = operator.index(label)
    except TypeError:
        known = None
    if known is not None and abs(known) > LARGEST_LABEL:
        known = None
    text = "\n".join(map(str, texts))
    return Row(position, "error", known, 0.0, text, error=_said(error))


def _said(error: Exception) -> str:
    """Returns the kind of an error and its message in one line."""
    try:
        with contained():
            message = " ".join(str(error).split())
    except Exception as another:
        message = f"its message raised {type(another).__name__}"
    said = f"{type(error).__name__}: {message}"
    if len(said) > ERROR_LETTERS:
        said = f"{said[:ERROR_LETTERS]} and {len(said) - ERROR_LETTERS} more letters"
    return said


def _outcome(result: AttackResult) -> str:
    if isinstance(result, SkippedAttackResult):
        return "skipped"
    return "succeeded" if isinstance(result, SuccessfulAttackResult) else "failed"


def _of_structure(result: StructureAttackResult) -> dict[str, Any]:
    counts = {
        "candidate_queries": result.candidate_queries,
        "gradient_passes": result.gradient_passes,
    }
    if not isinstance(result, SuccessfulAttackResult):
        return counts
    return {
        **counts,
        "hamming": result.structure.hamming_distance,
        "matrices": len(result.structure.matrices),
        "masked": encode(result.structure),
        "tokens": json.dumps(list(map(readable, result.tokens)), ensure_ascii=False),
    }


def _of_words(result: AttackResult) -> dict[str, Any]:
    if not isinstance(result, SuccessfulAttackResult):
        return {}
    original = result.original_result.attacked_text
    changed = original.all_words_diff(result.perturbed_result.attacked_text)
    return {"perturbed_words": len(changed) / max(1, len(original.words))}
