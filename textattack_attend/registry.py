"""Registries: what has a name is found by it, and a wrong name is answered with the right ones.

A registry belongs to a package, and each file of that package registers what it defines. The files
are imported when the first name is looked up, so importing the package itself stays cheap.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import TypeVar

from .errors import InvalidInputError

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """The things of one kind, by name, in the order in which they were registered.

    Args:
        noun: the kind, in the singular, as messages name it: ``ranking``.
        package: the package whose files register the things; without one, whoever defines a
            thing imports the registry and registers it before it is looked up.
    """

    def __init__(self, noun: str, package: str | None = None) -> None:
        self.noun = noun
        self._package = package
        self._entries: dict[str, T] = {}

    def register(self, name: str, entry: T) -> T:
        """Adds an entry and returns it.

        Raises:
            InvalidInputError: the name is taken.
        """
        if name in self._entries:
            raise InvalidInputError(f"{self.noun} {name!r}: expected a name that is not taken")
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> T:
        """Returns the entry of a name.

        Raises:
            InvalidInputError: no entry has this name; the message lists those that there are.
        """
        self._import_files()
        if name not in self._entries:
            raise InvalidInputError(self._unknown(name))
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        self._import_files()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._import_files()
        return iter(self._entries)

    def __len__(self) -> int:
        self._import_files()
        return len(self._entries)

    def _import_files(self) -> None:
        if self._package is None:
            return
        package, self._package = importlib.import_module(self._package), None
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")

    def _unknown(self, name: str) -> str:
        close = difflib.get_close_matches(str(name), self._entries, n=1)
        meant = f" (did you mean {close[0]!r}?)" if close else ""
        return f"expected a {self.noun}, one of {', '.join(self._entries)}, got {name!r}{meant}"
