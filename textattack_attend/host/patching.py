"""Replaces a method of TextAttack's by one that wraps it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def patch(owner: type, name: str, wrap: Callable[[Any], Any]) -> None:
    """Wrap a method.

    Args:
        owner: its class.
        name: of the method.
        wrap: takes the method and returns the one that stands in its place.
    """
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(wrap(original)))


def patch_class_method(owner: type, name: str, wrap: Callable[[Any], Any]) -> None:
    """Wrap a class method; the arguments are those of `patch`."""
    original = getattr(owner, name).__func__
    setattr(owner, name, classmethod(functools.wraps(original)(wrap(original))))
