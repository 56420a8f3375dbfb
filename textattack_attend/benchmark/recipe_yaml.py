"""The YAML of recipe files: variables are filled in, and no key is given twice."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from ..errors import InvalidInputError
from ..files import text_of

VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})", re.ASCII)
MERGE = "tag:yaml.org,2002:merge"
"""The tag of ``<<``, whose keys may be overridden."""


def yaml_of(path: Path) -> Any:
    """Reads a YAML file.

    Raises:
        InvalidInputError: the file cannot be read, is no YAML, gives a key twice, or
            names variables that the environment lacks.
    """
    loader = None
    try:
        loader = _Loader(text_of(path))
        found = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        raise InvalidInputError(f"{path}: {_place(error)}{_problem(error)}") from error
    except InvalidInputError:
        raise
    except Exception as error:
        # PyYAML lets through what its scalars raise, as ValueError for the date 2024-13-01, and
        # RecursionError for a list that is too deep.
        said = " ".join(str(error).split())[:160] or type(error).__name__
        raise InvalidInputError(f"{path}: expected YAML, got an error: {said}") from error
    finally:
        if loader:
            loader.dispose()
    if loader.missing:
        raise InvalidInputError(
            f"{path}: expected the environment variables {', '.join(sorted(loader.missing))} that "
            "it names; set them as the comment at its beginning says"
        )
    return found


class _Loader(yaml.SafeLoader):
    """Fills in variables before a value gets its type, and refuses a key that is given twice.

    YAML itself would keep the last of two equal keys.

    Attributes:
        missing: names of variables that the environment lacks.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.missing: set[str] = set()
        self._merging: list[Node] = []
        self._is_key = False

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Notes whether a node is a key: labels stand in tables as they are written."""
        self._is_key = isinstance(parent, MappingNode) and index is None
        return super().compose_node(parent, index)

    def compose_scalar_node(self, anchor: Any) -> ScalarNode:
        """Fills in the variables of a value; PyYAML calls this before it decides the type."""
        event = self.peek_event()
        if not self._is_key:
            event.value = VARIABLE.sub(self._value, event.value)
        node: ScalarNode = super().compose_scalar_node(anchor)
        return node

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        """Refuses a repeated key; PyYAML calls this before it adds the keys of a merge key."""
        node: MappingNode = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, ScalarNode) or key.tag == MERGE:
                continue
            if (key.tag, key.value) in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value!r} is given twice", problem_mark=key.start_mark
                )
            seen.add((key.tag, key.value))
        return node

    def flatten_mapping(self, node: Node) -> None:
        """Refuses a mapping that is merged into itself, for which PyYAML does not look."""
        if node in self._merging:
            raise yaml.MarkedYAMLError(
                problem="a mapping is merged into itself", problem_mark=node.start_mark
            )
        self._merging.append(node)
        super().flatten_mapping(node)
        self._merging.pop()

    def _value(self, found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in os.environ:
            self.missing.add(name)
        return os.environ.get(name, found[0])


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""


def _problem(error: yaml.MarkedYAMLError) -> str:
    said = " ".join((error.problem or error.context or "an error").split())
    hint = "; indent with spaces, not with tabs" if r"'\t'" in said else ""
    return f"expected YAML, got an error: {said}{hint}"
