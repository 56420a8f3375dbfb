"""The provenance of the results: what made them, on what, when; all of it as the stores say.

What a store does not say, as an older one, is said to be not recorded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..benchmark import Results
from ..benchmark.records import Session
from ..benchmark.results import Cell, Labels

NOT_RECORDED = "not recorded"
SHORT = 8
"""The first characters of a digest, which tell one from another at a glance."""


@dataclass(frozen=True)
class Value:
    """A value of a fact.

    Args:
        text: the value as it is read.
        whole: the whole of a value that is shown shortened, as a digest; empty for any other.
        is_code: whether it is something to type, or the digest of something.
    """

    text: str
    whole: str = ""
    is_code: bool = False


@dataclass(frozen=True)
class Fact:
    """Something that decided the results.

    Args:
        name: what it is.
        values: the values, one for each run, model or data set; at least one.
    """

    name: str
    values: list[Value]


def provenance(results: Results) -> list[Fact]:
    """Returns what made the results."""
    sessions = [session for _, own in results.runs for session in own]
    ends = [session.ended for session in sessions]
    whole = len(results.rows) >= results.expected
    facts = {
        "Command": _texts((one.command for one in sessions), is_code=True),
        "Device": _texts(one.device for one in sessions),
        "Run": [Value(run.id, is_code=True) for run, _ in results.runs],
        "First begun": _texts(_moment(run.begun) for run, _ in results.runs),
        "Ended": _texts([_moment(max(filter(None, ends)))] if whole and any(ends) else []),
        "Time": [Value(_time(sessions))],
        "Time of all attacks": [Value(_duration(results.rows["seconds"].sum()))],
        "Results": [Value(f"{len(results.rows):,} of {results.expected:,}")],
        "Data": _data(results),
        "Victims": list(_victims(results)),
        "Attacks": list(_attacks(results)),
        "Seeds": _texts(str(seed) for *_, seed in results.cells),
        "Versions": _versions(results.cells.values()),
    }
    return [Fact(name, values or [Value(NOT_RECORDED)]) for name, values in facts.items()]


def _texts(values: Iterable[str | None], *, is_code: bool = False) -> list[Value]:
    """Returns the different values that are there, in their order."""
    return [Value(value, is_code=is_code) for value in dict.fromkeys(values) if value]


def _moment(date: str) -> str:
    """Returns a date of the store to the second, or as it is if it is none."""
    try:
        return datetime.fromisoformat(date).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError):
        return date


def _time(sessions: list[Session]) -> str:
    """Says how long the processes worked that came to their end."""
    try:
        seconds = [
            (datetime.fromisoformat(one.ended) - datetime.fromisoformat(one.begun)).total_seconds()
            for one in sessions
            if one.ended
        ]
    except (TypeError, ValueError):  # a stranger's store may hold anything in place of dates
        return NOT_RECORDED
    if not seconds:
        return NOT_RECORDED
    stopped = len(sessions) - len(seconds)
    rest = f", not counting interrupted sessions: {stopped}" if stopped else ""
    return f"{_duration(sum(seconds))}{rest}"


def _duration(seconds: float) -> str:
    """Returns a time in the two largest of its units."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {left} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _data(results: Results) -> list[Value]:
    names = _texts(recipe.data for recipe in results.recipes)
    return [*names, *_digests("content", (cell.key.get("data") for cell in results.cells.values()))]


def _victims(results: Results) -> Iterator[Value]:
    """Yields every checkpoint, and the digests of what is in it."""
    for (victim, checkpoint), cell in _first(results.cells, lambda it: (it[0], it[2])):
        own = cell.key.get("victim")
        kind = own.get("kind") if isinstance(own, Mapping) else None
        parts = own.get("parts") if isinstance(own, Mapping) else None
        named = checkpoint if checkpoint == victim else f"{victim}: {checkpoint}"
        yield Value(f"{named} ({kind})" if kind else named)
        if isinstance(parts, Mapping):
            for part in ("weights", "configuration", "tokenizer"):
                yield from _digests(part, [parts.get(part)])
        else:
            yield Value(f"weights: {NOT_RECORDED}")


def _attacks(results: Results) -> Iterator[Value]:
    """Yields the recipe and all options of every attack, with those that it has by default."""
    recipes = {label: own for recipe in results.recipes for label, own in recipe.attacks.items()}
    for label, cell in _first(results.cells, lambda it: it[1]):
        own = cell.key.get("attack")
        options = own.get("options") if isinstance(own, Mapping) else None
        recipe = recipes[label].recipe
        if not isinstance(options, Mapping):
            options = recipes[label].options
        said = ", ".join(f"{name}={json.dumps(value)}" for name, value in options.items())
        yield Value(label if label == recipe else f"{label}: {recipe}", said)


def _versions(cells: Iterable[Cell]) -> list[Value]:
    """Returns the versions of the libraries, each set of them once."""
    found = (
        ", ".join(f"{name} {version}" for name, version in own.items())
        for cell in cells
        if isinstance(own := cell.key.get("versions"), Mapping)
    )
    return _texts(found)


def _digests(name: str, digests: Iterable[Any]) -> list[Value]:
    """Returns digests that are there, shortened, each once."""
    different = dict.fromkeys(one for one in digests if isinstance(one, str) and one)
    return [
        Value(f"{name} {one[:SHORT]}", one if len(one) > SHORT else "", is_code=True)
        for one in different
    ]


def _first(cells: Mapping[Labels, Cell], by: Callable[[Labels], Any]) -> Iterable[tuple[Any, Cell]]:
    """Returns the first cell of each of the labels."""
    found: dict[Any, Cell] = {}
    for labels, cell in cells.items():
        found.setdefault(by(labels), cell)
    return found.items()
