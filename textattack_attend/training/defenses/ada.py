"""Adversarial data augmentation, which adds an attack's successes to the training set."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ...data.cells import comparable, named
from ...data.published import Example
from ...errors import (
    InvalidInputError,
    require_text,
    require_whole_number,
    require_yes_or_no,
)
from ...identity.content import digest_of
from ...process.progress import watched
from ...structures.codec import from_fields, to_fields
from .ada_cache import SCHEMA, append, read
from .masked_rows import MaskedRowsTrainer
from .options import RELEASED, ExtraRow, Presets, WithPresets, option
from .registry import register_defense

if TYPE_CHECKING:
    from textattack import Attack

    from ...models.wrappers import AttentionModelWrapper

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ADA(WithPresets):
    """Adversarial data augmentation: the successes of an attack on the training set are added.

    Of an attack on attention the text is added once more, to be read under the structure.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "ada"
    presets: ClassVar[Presets] = {RELEASED: {"examples": 0, "failures": True}}

    victim: str = option("", "The model to attack, as trained without a defense.")
    recipe: str = option(
        "textfooler-transformers", "The attack, by its name in TextAttack, or as PATH^NAME."
    )
    examples: int = option(0, "The number of rows of the training set that are attacked; 0 is all.")
    cache: str = option("", "The file of what was attacked, to use again.")
    failures: bool = option(False, "Add the last texts of failed attacks, too.")

    def __post_init__(self) -> None:
        super().__post_init__()
        require_yes_or_no("failures", self.failures)
        require_whole_number("examples", self.examples, at_least=0)
        for name in ("victim", "recipe", "cache"):
            require_text(name, getattr(self, name))

    def extra_rows(
        self,
        rows: Sequence[Example],
        cache: Path,
        trust_remote_code: bool = False,
        label_names: Sequence[str] = (),
    ) -> list[ExtraRow]:
        """Returns adversarial examples, with the labels of the rows that they come from."""
        return adversarial_rows(self, rows, cache, trust_remote_code, label_names)


def adversarial_rows(
    options: ADA,
    rows: Sequence[Example],
    cache: Path,
    trust_remote_code: bool = False,
    label_names: Sequence[str] = (),
) -> list[ExtraRow]:
    """Finds adversarial examples for training rows, and gives them the labels of the rows.

    Args:
        options: the options of the defense, which name the victim and the attack.
        rows: the rows of the training set.
        cache: the file that serves as a cache if the options name none.
        trust_remote_code: whether to run the code that the victim brings along.
        label_names: the names of the classes in the order of the rows' labels, if known.

    Raises:
        InvalidInputError: there is no victim or no such recipe, the victim counts the classes in
            another order, or the cache belongs to another run.
        SavingError: the cache cannot be written, as on a full disk; its lines so far stay.
    """
    cache = Path(options.cache) if options.cache else cache
    wanted = rows[: options.examples or None]
    wrapper = _victim(options, trust_remote_code)
    _require_same_order(wrapper, label_names)
    header = _header(options, wrapper, rows)
    known = read(cache, header)
    if options.failures:
        known = {number: entry for number, entry in known.items() if _has_last_text(entry)}
    missing = [number for number in range(len(wanted)) if number not in known]
    if missing:
        found = _attacked(_attack(options, wrapper), wanted, missing)
        if not cache.exists():
            append(cache, header)
        for entry in watched(found, len(missing), f"{options.recipe} on the training set"):
            known[entry["row"]] = entry
            append(cache, entry)
    found_in = {
        number: entry if entry["parts"] else entry.get("failed")
        for number, entry in sorted(known.items())
        if number < len(wanted) and (entry["parts"] or options.failures)
    }
    extra = [
        ExtraRow(tuple(last["parts"]), wanted[number][1], tuple(map(from_fields, last["masked"])))
        for number, last in found_in.items()
        if last
    ]
    logger.info("%d adversarial examples for %d of %d rows", len(extra), len(wanted), len(rows))
    return extra


def _attacked(
    attack: Attack, rows: Sequence[Example], numbers: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Attacks the rows of these numbers, and yields the entry of each in the cache."""
    from textattack.attack_results import FailedAttackResult, SuccessfulAttackResult

    from ...attacks.structured_text import StructuredText
    from ...data.labelled import Labelled
    from ...datasets.published import dataset_of

    dataset = dataset_of(Labelled(list(rows)))
    for number in numbers:
        result = attack.attack(*dataset[number])
        text = result.perturbed_result.attacked_text
        last = {
            "parts": [*text._text_input.values()],
            "masked": list(map(to_fields, text.structure.parts))
            if isinstance(text, StructuredText)
            else [],
        }
        nothing: dict[str, Any] = {"parts": None, "masked": []}
        if isinstance(result, SuccessfulAttackResult):
            yield {"row": number, **last}
        else:
            failed = last if isinstance(result, FailedAttackResult) else None
            yield {"row": number, **nothing, "failed": failed}


def _has_last_text(entry: dict[str, Any]) -> bool:
    """Returns whether the cache has a row's last text; earlier versions kept those of successes."""
    return bool(entry["parts"]) or "failed" in entry


def _victim(options: ADA, trust_remote_code: bool) -> AttentionModelWrapper:
    from ...models.wrappers import wrapper_for

    if not options.victim:
        raise InvalidInputError(
            "victim: expected the model to attack, as trained without a defense"
        )
    return wrapper_for(options.victim, trust_remote_code)


def _require_same_order(wrapper: AttentionModelWrapper, label_names: Sequence[str]) -> None:
    """Refuses a victim that has the classes to learn, but counts them in another order."""
    from ...models.wrappers import class_names_of

    names = class_names_of(wrapper)
    own, wanted = list(map(comparable, names)), list(map(comparable, label_names))
    if own != wanted and sorted(own) == sorted(wanted):
        raise InvalidInputError(
            f"victim: expected one that counts the classes as the training does, "
            f"{named(label_names)}, got {named(names)}; give this order by "
            "--label-names"
        )


def _attack(options: ADA, wrapper: AttentionModelWrapper) -> Attack:
    from ...attacks.named import build_attack

    return build_attack(options.recipe, wrapper)


def _header(
    options: ADA, wrapper: AttentionModelWrapper, rows: Sequence[Example]
) -> dict[str, Any]:
    from ...attacks.identity import attack_identity

    identity = wrapper.identity()
    header = {
        "schema": SCHEMA,
        "victim": dict(identity.parts),
        "settings": dict(identity.settings),
        "attack": attack_identity(options.recipe, {}),
        "rows": digest_of([[list(parts), label] for parts, label in rows]),
    }
    read: dict[str, Any] = json.loads(json.dumps(header))
    return read


register_defense(ADA, MaskedRowsTrainer)
