"""The other configurations of HackAttend's paper, under names of their own.

Each takes every option of `HackAttendLiong2024.build` that it does not set itself.
"""

from __future__ import annotations

from typing import Any

from textattack.attack_recipes import AttackRecipe
from textattack.models.wrappers import ModelWrapper

from ..attack import StructureAttack
from .hackattend_liong_2024 import HackAttendLiong2024


class HackAttendHalfScale(AttackRecipe):
    """HackAttend over at most 6 layers of 6 heads (paper, Table 2)."""

    @staticmethod
    def build(model_wrapper: ModelWrapper, **options: Any) -> StructureAttack:
        """Half scale."""
        return HackAttendLiong2024.build(model_wrapper, max_layers=6, max_heads=6, **options)


class HackAttendRandom(AttackRecipe):
    """Random layers, heads and units (paper, Table 3, "Baseline")."""

    @staticmethod
    def build(model_wrapper: ModelWrapper, **options: Any) -> StructureAttack:
        """The random baseline."""
        return HackAttendLiong2024.build(
            model_wrapper, ranking="random", importance="random", **options
        )


class HackAttendImportanceOnly(AttackRecipe):
    """Layers and heads by importance, random units (paper, Table 3, "Imp. w/o Grad")."""

    @staticmethod
    def build(model_wrapper: ModelWrapper, **options: Any) -> StructureAttack:
        """Importance without gradient."""
        return HackAttendLiong2024.build(model_wrapper, ranking="random", **options)


class HackAttendGradientOnly(AttackRecipe):
    """Units by gradient, random layers and heads (paper, Table 3, "Grad w/o Imp.")."""

    @staticmethod
    def build(model_wrapper: ModelWrapper, **options: Any) -> StructureAttack:
        """Gradient without importance."""
        return HackAttendLiong2024.build(model_wrapper, importance="random", **options)


class HackAttendAttentionRanking(AttackRecipe):
    """Units by attention score instead of gradient (paper, Table 6, "Score")."""

    @staticmethod
    def build(model_wrapper: ModelWrapper, **options: Any) -> StructureAttack:
        """Ranking by attention score."""
        return HackAttendLiong2024.build(model_wrapper, ranking="attention", **options)
