"""Registries: what has a name is found by it, and a wrong name is answered with the right ones.

A registry belongs to a package, and each file of that package registers what it defines. The files
are imported when the first name is looked up, so importing the registry itself stays cheap.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, MutableMapping
from threading import RLock
from typing import TypeVar

from .errors import InvalidInputError, UnknownNameError, require_one_of

T = TypeVar("T")


class Registry(MutableMapping[str, T]):
    """The things of one kind, by name, in the order in which they were registered.

    Args:
        noun: the kind, in the singular, as messages name it: ``ranking``.
        package: the package whose files register the things; without one, whoever defines a
            thing registers it before it is looked up.
    """

    def __init__(self, noun: str, package: str | None = None) -> None:
        self.noun = noun
        self._package = package
        self._entries: dict[str, T] = {}
        self._is_filled = package is None
        self._filling = RLock()

    def register(self, name: str, entry: T) -> T:
        """Adds an entry and returns it.

        Raises:
            InvalidInputError: the name is taken.
        """
        if name in self._entries:
            raise InvalidInputError(
                f"{self.noun} {name!r} is registered already; expected a new name"
            )
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> T:
        """Returns the entry of a name.

        Raises:
            UnknownNameError: no entry has this name; the message lists the names and suggests one.
        """
        known = self._filled()
        require_one_of(self.noun, name, list(known), UnknownNameError)
        return known[name]

    def __setitem__(self, name: str, entry: T) -> None:
        """Replaces the entry of a name; `register` refuses a name that is taken."""
        self._filled()[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._filled()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._filled())

    def __len__(self) -> int:
        return len(self._filled())

    def _filled(self) -> dict[str, T]:
        """Returns the entries, after the files of the package were imported once."""
        with self._filling:  # another thread waits until all entries are there
            if not self._is_filled:
                self._is_filled = True  # a file may look up what is registered so far
                try:
                    self._import_files()
                except BaseException:
                    self._is_filled = False
                    raise
        return self._entries

    def _import_files(self) -> None:
        package = importlib.import_module(str(self._package))
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
