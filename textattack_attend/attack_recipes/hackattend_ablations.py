"""The other configurations of HackAttend's paper, under names of their own.

Each takes every option of `HackAttendLiong2024.build` that it does not set itself, and its
signature says so: options are checked, and count in an attack's identity, with their defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from textattack.attack_recipes import AttackRecipe
from textattack.models.wrappers import ModelWrapper

from ..attack import StructureAttack
from .hackattend_liong_2024 import HackAttendLiong2024

Build = Callable[..., StructureAttack]


def _fixing(*fixed: str) -> Callable[[Build], Build]:
    """Gives a builder the signature of HackAttend's without the options that it sets itself."""
    whole = signature(HackAttendLiong2024.build)
    left = [own for name, own in whole.parameters.items() if name not in fixed]

    def sign(build: Build) -> Build:
        build.__signature__ = whole.replace(parameters=left)  # type: ignore[attr-defined]
        return build

    return sign


class HackAttendHalfScale(AttackRecipe):
    """HackAttend over at most 6 layers of 6 heads (paper, Table 2)."""

    @staticmethod
    @_fixing("max_layers", "max_heads")
    def build(model_wrapper: ModelWrapper, **options: Any) -> StructureAttack:
        """Half scale."""
        return HackAttendLiong2024.build(model_wrapper, max_layers=6, max_heads=6, **options)


class HackAttendRandom(AttackRecipe):
    """Random layers, heads and units (paper, Table 3, "Baseline")."""

    @staticmethod
    @_fixing("ranking", "importance")
    def build(model_wrapper: ModelWrapper, **options: Any) -> StructureAttack:
        """The random baseline."""
        return HackAttendLiong2024.build(
            model_wrapper, ranking="random", importance="random", **options
        )


class HackAttendImportanceOnly(AttackRecipe):
    """Layers and heads by importance, random units (paper, Table 3, "Imp. w/o Grad")."""

    @staticmethod
    @_fixing("ranking")
    def build(model_wrapper: ModelWrapper, **options: Any) -> StructureAttack:
        """Importance without gradient."""
        return HackAttendLiong2024.build(model_wrapper, ranking="random", **options)


class HackAttendGradientOnly(AttackRecipe):
    """Units by gradient, random layers and heads (paper, Table 3, "Grad w/o Imp.")."""

    @staticmethod
    @_fixing("importance")
    def build(model_wrapper: ModelWrapper, **options: Any) -> StructureAttack:
        """Gradient without importance."""
        return HackAttendLiong2024.build(model_wrapper, importance="random", **options)


class HackAttendAttentionRanking(AttackRecipe):
    """Units by attention score instead of gradient (paper, Table 6, "Score")."""

    @staticmethod
    @_fixing("ranking")
    def build(model_wrapper: ModelWrapper, **options: Any) -> StructureAttack:
        """Ranking by attention score."""
        return HackAttendLiong2024.build(model_wrapper, ranking="attention", **options)
