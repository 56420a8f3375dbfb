"""The kinds of things that have a name, which ``textattack-attend ls`` lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..registry import Registry

Named = tuple[str, str]
"""A name, and what is said about it, which may be nothing."""


class Kind(NamedTuple):
    """A kind of things.

    Args:
        listed: returns the names of the things.
        use: says in a line where such a name is used.
    """

    listed: Callable[[], Iterable[Named]]
    use: str


KINDS: Registry[Kind] = Registry("kind")


def kind(
    name: str, use: str
) -> Callable[[Callable[[], Iterable[Named]]], Callable[[], Iterable[Named]]]:
    """Registers a function that lists the things of a kind.

    Args:
        name: the kind in the plural.
        use: says in a line where such a name is used.
    """

    def registered(listed: Callable[[], Iterable[Named]]) -> Callable[[], Iterable[Named]]:
        KINDS.register(name, Kind(listed, use))
        return listed

    return registered


def named(names: Iterable[str]) -> list[Named]:
    """Returns names of which nothing more is said."""
    return [(name, "") for name in names]
