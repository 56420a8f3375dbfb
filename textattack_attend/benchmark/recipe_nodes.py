"""The nodes of a YAML file: which kinds of values a recipe may have.

These are texts, numbers in decimal digits, true, false, null, lists, and mappings whose keys are
texts. YAML has more: it reads 2024-01-01 as a date, 1:30 as 90 and 010 as 8, and tags such as !!set
and !!binary stand for types of Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isfinite
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..errors import quoted

YAML = "tag:yaml.org,2002:"
MERGE = f"{YAML}merge"
"""The tag of ``<<``, whose keys may be overridden."""
MOST_DIGITS = 18
"""The most digits of a whole number; every one of so many fits into 64 bits."""
SCALARS = {
    f"{YAML}str": re.compile(r"(?s:.*)"),
    f"{YAML}null": re.compile(r"~|null|", re.IGNORECASE),
    f"{YAML}bool": re.compile(r"yes|no|true|false|on|off", re.IGNORECASE),
    f"{YAML}int": re.compile(rf"[-+]?(0|[1-9][0-9]{{0,{MOST_DIGITS - 1}}})"),
    f"{YAML}float": re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?", re.IGNORECASE),
}
"""The tags of the values that are no collections, and how they are written."""
NUMBERS = {
    f"{YAML}int": f"a whole number of at most {MOST_DIGITS} decimal digits",
    f"{YAML}float": "a finite number in decimal digits",
}
COLLECTIONS = {SequenceNode: "a list", MappingNode: "a mapping"}
TAGS = {SequenceNode: f"{YAML}seq", MappingNode: f"{YAML}map"}


def mistakes_in(root: Node) -> list[str]:
    """Returns a line for every node of a document that no recipe can have, with its place.

    Args:
        root: the node of the document, which must not contain itself.
    """
    nodes: dict[Node, None] = {root: None}
    waiting = [root]
    while waiting:
        for inner in _inside(waiting.pop()):
            if inner not in nodes:
                nodes[inner] = None
                waiting.append(inner)
    found = [(node.start_mark.index, mistake) for node in nodes for mistake in _mistakes(node)]
    return [mistake for _, mistake in sorted(found)]


def place_of(mark: Any) -> str:
    """Returns the line and the column of a mark of PyYAML's, for the beginning of a message."""
    return f"line {mark.line + 1}, column {mark.column + 1}: "


def _inside(node: Node) -> Iterator[Node]:
    """Yields the values of a list or a mapping; its keys are judged with it."""
    if isinstance(node, SequenceNode):
        yield from node.value
    elif isinstance(node, MappingNode):
        yield from (value for _, value in node.value)


def _mistakes(node: Node) -> Iterator[str]:
    if isinstance(node, ScalarNode):
        said = _of_scalar(node)
    else:
        said = "" if node.tag == TAGS[type(node)] else f"{COLLECTIONS[type(node)]} without a tag"
        said = said and f"expected {said}, got {_tag(node)}; leave the tag out"
    if said:
        yield f"{place_of(node.start_mark)}{said}"
    if isinstance(node, MappingNode):
        for key, value in node.value:
            said = _of_merge(value) if key.tag == MERGE else _of_key(key)
            if said:
                yield f"{place_of(key.start_mark)}{said}"


def _of_scalar(node: ScalarNode) -> str:
    """Returns the mistake of a value that is no collection, or an empty text."""
    if node.tag not in SCALARS:
        return (
            f"expected a text, a number, true, false or null, got {_read(node)}; put it into "
            "quotation marks"
        )
    fits = SCALARS[node.tag].fullmatch(node.value)
    if node.tag not in NUMBERS:
        return "" if fits else f"expected a value that fits its tag, got {_read(node)}"
    if fits and isfinite(float(node.value)):
        return ""
    return (
        f"expected {NUMBERS[node.tag]}, got {_read(node)}; put it into quotation marks if it is a "
        "text"
    )


def _of_key(key: Node) -> str:
    """Returns the mistake of a key, or an empty text."""
    if isinstance(key, ScalarNode) and key.tag == f"{YAML}str":
        return ""
    got = _read(key) if isinstance(key, ScalarNode) else COLLECTIONS[type(key)]
    return f"expected a text as label or key, got {got}; put it into quotation marks"


def _of_merge(value: Node) -> str:
    """Returns the mistake of what is merged into a mapping, or an empty text."""
    merged = value.value if isinstance(value, SequenceNode) else [value]
    if all(isinstance(one, MappingNode) for one in merged):
        return ""
    return "expected a mapping behind <<, or a list of mappings, got something else"


def _read(node: ScalarNode) -> str:
    """Returns a value as it is written, and the type that YAML gives it."""
    return f"{quoted(node.value)}, which YAML reads as {_tag(node)}"


def _tag(node: Node) -> str:
    tag: str = node.tag
    return quoted(tag) if not tag.startswith(YAML) else f"!!{quoted(tag.removeprefix(YAML))[1:-1]}"
