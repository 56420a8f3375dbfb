"""The YAML of recipe files: variables are filled in, and what no recipe needs is refused.

A file that a stranger wrote may be made to exhaust whoever reads it, as by aliases of aliases that
stand for billions of values. So the values are counted as if every alias were written out, before
any of them is built.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from ..errors import LONGEST, LONGEST_REASON, InvalidInputError, first_of, listed, quoted, reason_of
from ..errors.printable import shortened
from ..files import text_of
from .recipe_nodes import MERGE, mistakes_in, place_of

VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})", re.ASCII)
LARGEST = 2**17
"""The most bytes of a file, and the most letters once aliases and variables are filled in."""
MOST_VALUES = 5_000
"""The most values, keys among them, once aliases are filled in."""
DEEPEST = 16
"""The most lists and mappings that stand inside each other."""


def yaml_of(path: Path) -> Any:
    """Reads a YAML file.

    Raises:
        InvalidInputError: the file cannot be read, is no YAML, is too large or too deep, gives a
            key twice, has a value that no recipe needs, such as a date, or names variables that the
            environment lacks.
    """
    loader = None
    try:
        loader = _Loader(text_of(path, LARGEST))
        root = loader.get_single_node()
        mistakes = mistakes_in(root) if root else []
        found = loader.construct_document(root) if root and not mistakes else None
    except InvalidInputError:
        raise
    except yaml.MarkedYAMLError as error:
        raise InvalidInputError(f"{path}: {_place(error)}{_problem(error)}") from error
    except Exception as error:
        # PyYAML lets through what its scanner raises, as ValueError for the escape "\UFFFFFFFF".
        said = reason_of(error) or type(error).__name__
        raise InvalidInputError(f"{path}: expected YAML, got an error: {said}") from error
    finally:
        if loader:
            loader.dispose()
    if mistakes:
        raise InvalidInputError(f"{path}: {listed(mistakes)}")
    _require_variables(path, sorted(loader.missing))
    return found


def _require_variables(path: Path, missing: Sequence[str]) -> None:
    if missing:
        names = first_of([name if len(name) <= LONGEST else quoted(name) for name in missing])
        raise InvalidInputError(
            f"{path}: expected the environment variables {names} that it names; "
            "set them as the comment at its beginning says"
        )


class _RefusedError(yaml.MarkedYAMLError):
    """The file is YAML, but none that a recipe may be written in."""


class _Size(NamedTuple):
    """The numbers of values and of letters in them, with aliases written out."""

    values: int
    letters: int


class _Loader(yaml.SafeLoader):
    """Fills in variables before a value gets its type, and counts what it reads.

    Attributes:
        missing: names of variables that the environment lacks.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.missing: set[str] = set()
        self._is_key = False
        self._size = _Size(0, 0)
        self._level = self._deepest = 0
        self._read: dict[Node, tuple[_Size, int]] = {}  # sizes, and levels below the node

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Counts a node and all inside it; an alias counts as often as it is used."""
        event, before, outside = self.peek_event(), self._size, self._deepest
        # Labels stand in tables as they are written, so no variable of a key is filled in.
        self._is_key = isinstance(parent, MappingNode) and index is None
        self._level += 1
        self._descend(0)
        self._count(1, 0)
        node = super().compose_node(parent, index)
        if isinstance(event, yaml.AliasEvent):
            self._count_again(node, event)
        else:
            own = zip(self._size, before, strict=True)
            self._read[node] = (
                _Size(*(now - then for now, then in own)),
                self._deepest - self._level,
            )
        self._level -= 1
        self._deepest = max(outside, self._deepest)
        return node

    def compose_scalar_node(self, anchor: Any) -> ScalarNode:
        """Fills in the variables of a value; PyYAML calls this before it decides the type."""
        event = self.peek_event()
        self._count(0, len(event.value))
        if not self._is_key:
            event.value = VARIABLE.sub(self._value, event.value)
        node: ScalarNode = super().compose_scalar_node(anchor)
        return node

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        """Refuses a repeated key, of which YAML itself would keep the last.

        PyYAML calls this before it adds the keys of a merge key, which may be overridden.
        """
        node: MappingNode = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, ScalarNode) or key.tag == MERGE:
                continue
            if (key.tag, key.value) in seen:
                self._refuse(
                    f"expected each key once, got {quoted(key.value)} twice", key.start_mark
                )
            seen.add((key.tag, key.value))
        return node

    def _count(self, values: int, letters: int) -> None:
        self._size = _Size(self._size.values + values, self._size.letters + letters)
        most = _Size(MOST_VALUES, LARGEST)
        for name, allowed, got in zip(_Size._fields, most, self._size, strict=True):
            if got > allowed:
                self._refuse(
                    f"expected at most {allowed:,} {name} once aliases and variables are filled "
                    "in, got more"
                )

    def _count_again(self, node: Node, event: yaml.AliasEvent) -> None:
        """Counts what an alias stands for, which is complete unless the alias is inside it."""
        if node not in self._read:
            self._refuse(
                f"expected an alias of what stands before it, got *{event.anchor[:40]} inside what "
                "it stands for",
                event.start_mark,
            )
        size, below = self._read[node]
        self._descend(below)
        self._count(*size)

    def _descend(self, below: int) -> None:
        """Notes that something has so many levels below the one that is read."""
        self._deepest = self._level + below
        if self._deepest > DEEPEST:
            self._refuse(f"expected at most {DEEPEST} levels of lists and mappings, got more")

    def _refuse(self, problem: str, mark: Any = None) -> NoReturn:
        mark = mark or self.peek_event().start_mark
        raise _RefusedError(problem=problem, problem_mark=mark)

    def _value(self, found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in os.environ:
            self.missing.add(name)
        value = os.environ.get(name, found[0])
        self._count(0, len(value))
        return value


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return place_of(mark) if mark else ""


def _problem(error: yaml.MarkedYAMLError) -> str:
    said = error.problem or error.context or "an error"
    if isinstance(error, _RefusedError):
        return str(said)
    hint = "; indent with spaces, not with tabs" if r"'\t'" in said else ""
    return f"expected YAML, got an error: {shortened(said, LONGEST_REASON)}{hint}"
