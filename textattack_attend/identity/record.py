"""The record of a victim's identity, with named digests, so that a mismatch says what differs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .content import digest_of

PARTS = ("weights", "configuration", "tokenizer")
MOST_SETTINGS = 100
MOST_LEVELS = 32
"""The most levels of lists and mappings in the settings, which are copied and hashed in depth."""
LONGEST_NAME = 100


@dataclass(frozen=True)
class Identity:
    """Names everything that decides a victim's answers.

    Args:
        kind: the type of the model, as its configuration names it.
        parts: the digest of each of `PARTS`, by name.
        settings: the settings of the victim and its wrapper, by name: prompt, max_tokens,
            cross_attention, precision, smoothing.
    """

    kind: str
    parts: Mapping[str, str]
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The type of the model and one digest of everything."""
        return f"{self.kind}-{digest_of([self.parts, self.settings])}"

    def differing(self, other: Identity) -> list[str]:
        """Names the parts and settings in which another identity differs."""
        return [*self.differing_parts(other), *_differing(self.settings, other.settings)]

    def differing_parts(self, other: Identity) -> list[str]:
        """Names the parts in which another identity differs, whatever the settings are."""
        return _differing(self.parts, other.parts)

    def to_dict(self) -> dict[str, Any]:
        """Returns all fields by name, as JSON holds them."""
        fields: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return fields

    @classmethod
    def from_dict(cls, fields: Any) -> Identity:
        """Makes an identity of the fields that `to_dict` returned.

        Raises:
            ValueError: a field is missing, unknown, or of another type.
        """
        if not isinstance(fields, dict) or set(fields) != {"kind", "parts", "settings"}:
            raise ValueError("expected an identity with kind, parts and settings")
        kind, parts, settings = fields["kind"], fields["parts"], fields["settings"]
        if not (isinstance(kind, str) and isinstance(parts, dict) and isinstance(settings, dict)):
            raise ValueError("expected an identity with a name, digests and settings")
        if set(parts) != set(PARTS) or not all(isinstance(part, str) for part in parts.values()):
            raise ValueError(f"expected an identity with digests of {', '.join(PARTS)}")
        if len(settings) > MOST_SETTINGS or not all(map(_is_name, [kind, *settings])):
            raise ValueError(f"expected at most {MOST_SETTINGS} settings, and names of one line")
        if _levels(settings) > MOST_LEVELS:
            raise ValueError(f"expected settings of at most {MOST_LEVELS} levels")
        json.dumps(settings, allow_nan=False)  # an infinite number could not be saved again
        return cls(kind, parts, settings)


def _is_name(name: Any) -> bool:
    """Returns whether a message can show a name."""
    return isinstance(name, str) and name.isprintable() and len(name) <= LONGEST_NAME


def _levels(value: Any) -> int:
    """Counts the levels of a value that was read from JSON, however many there are."""
    levels, inner = 0, [value]
    while inner:
        lists = (v.values() if isinstance(v, dict) else v for v in inner if _is_nested(v))
        inner = [one for values in lists for one in values]
        levels += 1
    return levels


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list | tuple)


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    names = dict.fromkeys([*one, *other])
    return [name for name in names if one.get(name) != other.get(name)]
