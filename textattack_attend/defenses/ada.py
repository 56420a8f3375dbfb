"""Adversarial data augmentation: an attack's successes on the training set, added to it.

What was attacked stands in a cache, a line each as it is finished, so that an interrupted run goes
on where it was:

- line 1: ``{"victim": ..., "recipe": ..., "rows": ...}``, what the rest belongs to;
- then ``{"row": n, "parts": [...], "masked": [...]}``, the adversarial example of training row n as
  `ExtraRow` describes it, each `MaskedUnits` as a list; parts are null where the attack failed.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError
from ..files import write_whole
from ..published import Row
from ..structures import Structure
from .options import ExtraRow, MaskedUnits

if TYPE_CHECKING:
    from textattack import Attack

    from .options import ADA

logger = logging.getLogger(__name__)


def adversarial_rows(options: ADA, rows: Sequence[Row], cache: Path) -> list[ExtraRow]:
    """Adversarial examples for training rows, with their labels.

    Args:
        options: whom to attack, and how.
        rows: of the training set.
        cache: file of what was attacked, where the options name none.

    Raises:
        InvalidInputError: there is no victim or no such recipe, or the cache belongs to another
            run.
    """
    import tqdm

    cache = Path(options.cache) if options.cache else cache
    wanted = rows[: options.examples or None]
    header = _header(options, rows)
    known = _read(cache, header)
    missing = [number for number in range(len(wanted)) if number not in known]
    if missing:
        found = _attacked(_attack(options), wanted, missing)
        cache.parent.mkdir(parents=True, exist_ok=True)
        with cache.open("a", encoding="utf-8") as file:
            if not file.tell():
                file.write(json.dumps(header) + "\n")
            bar = tqdm.tqdm(found, total=len(missing), desc="attacked", disable=None)
            for entry in bar:
                known[entry["row"]] = entry
                file.write(json.dumps(entry) + "\n")
                file.flush()
    extra = [
        ExtraRow(tuple(entry["parts"]), wanted[number][1], _masked(entry["masked"]))
        for number, entry in sorted(known.items())
        if number < len(wanted) and entry["parts"]
    ]
    logger.info("%d adversarial examples for %d of %d rows", len(extra), len(wanted), len(rows))
    return extra


def _attacked(
    attack: Attack, rows: Sequence[Row], numbers: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """What the cache says of rows of these numbers."""
    from textattack.attack_results import SuccessfulAttackResult

    from ..datasets.published import dataset_of
    from ..shared import StructuredText

    dataset = dataset_of(list(rows))
    for number in numbers:
        result = attack.attack(*dataset[number])
        entry: dict[str, Any] = {"row": number, "parts": None, "masked": []}
        if isinstance(result, SuccessfulAttackResult):
            text = result.perturbed_result.attacked_text
            entry["parts"] = [*text._text_input.values()]
            if isinstance(text, StructuredText):
                entry["masked"] = [masked_units(part) for part in text.structure.parts]
        yield entry


def masked_units(structure: Structure) -> MaskedUnits:
    """The same, as a row that is added has them."""
    flat = np.ravel_multi_index(tuple(structure.units.T), structure.shape.size).tolist()
    layers, heads, tokens, _ = structure.shape.size
    return MaskedUnits(layers, heads, tokens, tuple(flat))


def _masked(entries: Sequence[Any]) -> tuple[MaskedUnits, ...]:
    """From the lists of the cache."""
    return tuple(
        MaskedUnits(layers, heads, tokens, tuple(units)) for layers, heads, tokens, units in entries
    )


def _attack(options: ADA) -> Attack:
    from ..models.wrappers import wrapper_for
    from ..named_attacks import build_attack

    if not options.victim:
        raise InvalidInputError(
            "victim: expected the model to attack, as trained without a defense"
        )
    return build_attack(options.recipe, wrapper_for(options.victim))


def _header(options: ADA, rows: Sequence[Row]) -> dict[str, str]:
    digest = hashlib.blake2b(repr(list(rows)).encode(), digest_size=8).hexdigest()
    return {"victim": options.victim, "recipe": options.recipe, "rows": digest}


def _read(cache: Path, header: dict[str, str]) -> dict[int, dict[str, Any]]:
    """What the cache knows, if there is one; drops a line of it that was cut off."""
    text = cache.read_text(encoding="utf-8") if cache.exists() else ""
    lines = text.split("\n")[:-1]
    if not lines:
        cache.unlink(missing_ok=True)
        return {}
    try:
        found, *entries = map(json.loads, lines)
        known = {int(entry["row"]): entry for entry in entries if {"parts", "masked"} <= set(entry)}
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"{cache}: expected what an earlier run attacked ({error}); delete it to begin anew"
        ) from error
    if found != header:
        differing = ", ".join(name for name in header if found.get(name) != header[name])
        raise InvalidInputError(
            f"{cache}: expected the cache of this run, got one of another {differing}; delete it, "
            "or name another"
        )
    if not text.endswith("\n"):
        write_whole(cache, "".join(f"{line}\n" for line in lines).encode())
    return known
