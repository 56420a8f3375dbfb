"""Extends TextAttack once it is imported; `textattack_attend.autoload` sees to that."""

from __future__ import annotations

from .host import register

__all__ = ["register"]
