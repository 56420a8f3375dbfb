"""Presets: named sets of values of the options of attacks."""

from __future__ import annotations

from ..errors import require_one_of

RELEASED = "released"
"""The values of the code behind the tables of HackAttend's paper."""


def require_preset(preset: str) -> None:
    """Refuses an unknown preset.

    Raises:
        InvalidInputError: there is no such preset.
    """
    if preset != "":
        require_one_of("preset", preset, [RELEASED])
