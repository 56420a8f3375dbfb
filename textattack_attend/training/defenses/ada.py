"""Adversarial data augmentation, which adds an attack's successes to the training set.

A cache gets a line for every row as soon as it was attacked, so that an interrupted run goes on
where it was:

- line 1: ``{"schema": 2, "victim": ..., "settings": ..., "attack": ..., "rows": ...}``, the
  identities of what the rest belongs to; names and places of files do not count;
- then ``{"row": n, "parts": [...], "masked": [...]}``, the adversarial example of training row n as
  `ExtraRow` describes it, each structure as the codec writes it; parts are null where the attack
  failed.

A cache of version 1 is read, too, and rewritten as one of version 2.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...data.cells import comparable, named
from ...data.published import Example
from ...errors import (
    InvalidInputError,
    SavingError,
    described,
    require_text,
    require_whole_number,
)
from ...files import text_of, write_whole
from ...identity.content import digest_of
from ...process.progress import watched
from ...structures import Shape, Structure
from ...structures.codec import from_fields, to_fields
from .masked_rows import MaskedRowsTrainer
from .options import Defense, ExtraRow, option
from .registry import register_defense

if TYPE_CHECKING:
    from textattack import Attack

    from ...models.wrappers import AttentionModelWrapper

logger = logging.getLogger(__name__)
SCHEMA = 2
"""The version of the cache; version 0 named its victim by the path."""
PROVING = 1
"""The first version that proves what was attacked."""


class CacheError(InvalidInputError):
    """The cache belongs to another run, or to another version of the package."""


@dataclass(frozen=True)
class ADA(Defense):
    """Adversarial data augmentation: the successes of an attack on the training set are added.

    Of an attack on attention the text is added once more, to be read under the structure.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "ada"

    victim: str = option("", "The model to attack, as trained without a defense.")
    recipe: str = option(
        "textfooler-transformers", "The attack, by its name in TextAttack, or as PATH^NAME."
    )
    examples: int = option(0, "The number of rows of the training set that are attacked; 0 is all.")
    cache: str = option("", "The file of what was attacked, to use again.")

    def __post_init__(self) -> None:
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
    known = _read(cache, header)
    missing = [number for number in range(len(wanted)) if number not in known]
    if missing:
        found = _attacked(_attack(options, wrapper), wanted, missing)
        if not cache.exists():
            _append(cache, header)
        for entry in watched(found, len(missing), f"{options.recipe} on the training set"):
            known[entry["row"]] = entry
            _append(cache, entry)
    extra = [
        ExtraRow(tuple(entry["parts"]), wanted[number][1], tuple(map(from_fields, entry["masked"])))
        for number, entry in sorted(known.items())
        if number < len(wanted) and entry["parts"]
    ]
    logger.info("%d adversarial examples for %d of %d rows", len(extra), len(wanted), len(rows))
    return extra


def _append(cache: Path, entry: dict[str, Any]) -> None:
    """Adds a line to the cache; it is closed after each, so that the next run finds the line."""
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with cache.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(entry)}\n")
    except OSError as error:
        raise SavingError(
            f"{cache}: expected a file to which attacked rows can be added, got an error "
            f"({error}); free space, and the same command, without --overwrite, goes on from the "
            "last row"
        ) from error


def _attacked(
    attack: Attack, rows: Sequence[Example], numbers: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Attacks the rows of these numbers, and yields the entry of each in the cache."""
    from textattack.attack_results import SuccessfulAttackResult

    from ...attacks.structured_text import StructuredText
    from ...data.labelled import Labelled
    from ...datasets.published import dataset_of

    dataset = dataset_of(Labelled(list(rows)))
    for number in numbers:
        result = attack.attack(*dataset[number])
        entry: dict[str, Any] = {"row": number, "parts": None, "masked": []}
        if isinstance(result, SuccessfulAttackResult):
            text = result.perturbed_result.attacked_text
            entry["parts"] = [*text._text_input.values()]
            if isinstance(text, StructuredText):
                entry["masked"] = list(map(to_fields, text.structure.parts))
        yield entry


def _structure_in(entry: Any) -> Structure:
    """Makes the structure of what the cache notes of a sequence.

    Version 1 of the cache has the layers, the heads, the tokens and a list of flat indices into the
    (L, H, T, T) of these.
    """
    if not isinstance(entry, list):
        return from_fields(entry)
    layers, heads, tokens, flat = entry
    shape = Shape(layers, heads, tokens)
    units = np.unravel_index(np.array(flat, np.int64), shape.size)
    return Structure.from_units(shape, np.stack(units, -1))


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


def _read(cache: Path, header: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Reads the cache, if there is one, and drops its last line if that was cut off."""
    text = text_of(cache) if cache.exists() else ""
    lines = text.split("\n")[:-1]
    if not lines:
        cache.unlink(missing_ok=True)
        return {}
    try:
        found, *entries = map(json.loads, lines)
        _require_same(cache, found, header)
        known = dict(_in_this_version(entries))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, CacheError):
            raise
        raise InvalidInputError(
            f"{cache}: expected what an earlier run attacked ({error}); delete it to begin anew"
        ) from error
    if found["schema"] != SCHEMA or not text.endswith("\n"):
        whole = [header, *known.values()]
        write_whole(cache, "".join(f"{json.dumps(line)}\n" for line in whole).encode())
    return known


def _in_this_version(entries: Iterable[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the rows of a cache by their number, as this version writes them."""
    for entry in entries:
        if {"parts", "masked"} <= set(entry):
            masked = [to_fields(_structure_in(noted)) for noted in entry["masked"]]
            yield int(entry["row"]), {**entry, "masked": masked}


def _require_same(cache: Path, found: Any, header: dict[str, Any]) -> None:
    if not isinstance(found, dict) or not {"victim", "rows"} <= set(found):
        raise CacheError(
            f"{cache}: expected a first line that says what an earlier run attacked; delete it to "
            "begin anew"
        )
    if found.get("schema", 0) not in range(PROVING, SCHEMA + 1):
        raise CacheError(
            f"{cache}: expected a cache of version {PROVING} to {SCHEMA}, got version "
            f"{described(found.get('schema', 0))}, which cannot prove what was attacked here; "
            "delete it, or name another"
        )
    if found | {"schema": SCHEMA} != header:
        differing = ", ".join(_differing(found, header))
        raise CacheError(
            f"{cache}: expected the cache of this run, got one of another {differing}; delete it, "
            "or name another"
        )


def _differing(found: dict[str, Any], header: dict[str, Any]) -> Iterator[str]:
    """Yields the names of the fields that differ, and of the victim's parts that differ."""
    for name in sorted(set(found) | set(header)):
        one, other = found.get(name), header.get(name)
        if name == "victim" and isinstance(one, dict) and isinstance(other, dict):
            yield from (f"victim ({part})" for part in other if one.get(part) != other[part])
        elif one != other:
            yield name


register_defense(ADA, MaskedRowsTrainer)
