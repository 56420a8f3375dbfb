"""Replaces methods of TextAttack by functions that wrap them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def patch(owner: type, name: str, wrap: Callable[[Any], Any]) -> None:
    """Wraps a method.

    Args:
        owner: the class of the method.
        name: the name of the method.
        wrap: a function that takes the method and returns its replacement.
    """
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(wrap(original)))


def patch_class_method(owner: type, name: str, wrap: Callable[[Any], Any]) -> None:
    """Wraps a class method; the arguments are those of `patch`."""
    original = getattr(owner, name).__func__
    setattr(owner, name, classmethod(functools.wraps(original)(wrap(original))))
