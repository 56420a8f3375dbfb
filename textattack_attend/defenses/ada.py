"""Adversarial data augmentation: an attack's successes on the training set, added to it.

What was attacked stands in a cache, a line each as it is finished, so that an interrupted run goes
on where it was:

- line 1: ``{"victim": ..., "recipe": ..., "rows": ...}``, what the rest belongs to;
- then ``{"row": n, "parts": [...]}``, the adversarial text of training row n, or null for none.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInputError
from ..published import Row

if TYPE_CHECKING:
    from textattack import Attack

    from .options import ADA

logger = logging.getLogger(__name__)


def adversarial_rows(options: ADA, rows: Sequence[Row], cache: Path) -> list[Row]:
    """Adversarial texts for training rows, with their labels.

    Args:
        options: whom to attack, and how.
        rows: of the training set.
        cache: file of what was attacked, where the options name none.

    Raises:
        InvalidInputError: there is no victim or no such recipe, the recipe changes no text, or the
            cache belongs to another run.
    """
    import tqdm

    cache = Path(options.cache) if options.cache else cache
    wanted = rows[: options.examples or None]
    known = _read(cache, _header(options, rows))
    missing = [number for number in range(len(wanted)) if number not in known]
    if missing:
        found = _attacked(options, wanted, missing)
        with cache.open("a", encoding="utf-8") as file:
            bar = tqdm.tqdm(found, total=len(missing), desc="attacked", disable=None)
            for number, parts in bar:
                known[number] = parts
                file.write(json.dumps({"row": number, "parts": parts}) + "\n")
                file.flush()
    extra = [(tuple(known[n] or ()), wanted[n][1]) for n in sorted(known) if known[n]]
    logger.info("%d adversarial texts for %d of %d rows", len(extra), len(wanted), len(rows))
    return extra


def _attacked(
    options: ADA, rows: Sequence[Row], numbers: Sequence[int]
) -> Iterator[tuple[int, list[str] | None]]:
    """Numbers of rows, each with the parts of its adversarial text."""
    from textattack.attack_results import SuccessfulAttackResult

    from ..datasets.published import dataset_of
    from ..shared import StructuredText

    attack = _attack(options)
    dataset = dataset_of(list(rows))
    for number in numbers:
        result = attack.attack(*dataset[number])
        if not isinstance(result, SuccessfulAttackResult):
            yield number, None
            continue
        text = result.perturbed_result.attacked_text
        if isinstance(text, StructuredText):
            raise InvalidInputError(
                f"recipe {options.recipe!r} changes no text: expected a word-level attack; to "
                "train against structures take the defense hackattend-at"
            )
        yield number, [*text._text_input.values()]


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


def _read(cache: Path, header: dict[str, str]) -> dict[int, list[str] | None]:
    """What the cache knows; begins it where there is none, and drops a line that was cut off."""
    text = cache.read_text(encoding="utf-8") if cache.exists() else ""
    lines = text[: text.rfind("\n") + 1].splitlines()
    if not lines:
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(json.dumps(header) + "\n", encoding="utf-8")
        return {}
    try:
        found, *entries = map(json.loads, lines)
        known = {int(entry["row"]): entry["parts"] for entry in entries}
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
    cache.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return known
