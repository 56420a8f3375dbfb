"""The citations of what results use: attacks, defenses, data sets and the packages below.

All of them stand in ``references.bib``, where an entry names what it is the paper of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from ..benchmark import Results

USED = re.compile(r"^  used = \{(.*)\},\n", re.MULTILINE)
PACKAGES = ("package textattack", "package transformers")
WITHOUT_A_PAPER = ("defense none",)


@dataclass(frozen=True)
class Citation:
    """The entry of a paper.

    Args:
        bibtex: the entry in BibTeX.
        used: what it is the paper of, as ``attack pwws``, with ``*`` for any end of the name.
    """

    bibtex: str
    used: tuple[str, ...]

    def is_of(self, name: str) -> bool:
        """Returns whether it is the paper of an attack, a defense, a data set or a package."""
        return any(fnmatchcase(name, pattern) for pattern in self.used)


def bibliography(results: Results) -> tuple[str, list[str]]:
    """Returns the citations of what results use in BibTeX, and what has no citation here."""
    used = list(dict.fromkeys(_used(results)))
    found = [one.bibtex for one in citations() if any(map(one.is_of, used))]
    return "\n".join(found), [
        name
        for name in used
        if not name.startswith("data ")  # a file of the user's has no paper
        and name not in WITHOUT_A_PAPER
        and not any(one.is_of(name) for one in citations())
    ]


@cache
def citations() -> list[Citation]:
    """Returns all citations that the package keeps."""
    whole = (files(__package__) / "references.bib").read_text(encoding="utf-8")
    entries = [f"@{entry.rstrip()}\n" for entry in whole.split("\n@")[1:]]
    return [
        Citation(USED.sub("", entry), tuple(found[1].split("; ")))
        for entry in entries
        if (found := USED.search(entry))
    ]


def _used(results: Results) -> Iterator[str]:
    """Yields what results use, as the entries of papers name it."""
    for recipe in results.recipes:
        yield from (f"attack {attack.recipe}" for attack in recipe.attacks.values())
        yield f"data {recipe.data.rpartition('^')[2]}"
    yield from (f"defense {card.defense}" for card in results.cards.values())
    yield from PACKAGES
