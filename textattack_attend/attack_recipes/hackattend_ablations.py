"""The other configurations of HackAttend's paper, under names of their own.

Each takes every option of `HackAttendLiong2024.build` that it does not set itself, and its
signature says so: options are checked, and count in an attack's identity, with their defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from inspect import Parameter, signature
from typing import Any

from textattack.attack_recipes import AttackRecipe
from textattack.models.wrappers import ModelWrapper

from ..attacks.attack import StructureAttack
from .hackattend_liong_2024 import HackAttendLiong2024
from .presets import require_preset
from .registry import attack

Build = Callable[..., StructureAttack]


def _setting(*own: str) -> Callable[[Build], Build]:
    """Gives ``build`` the signature of HackAttend's without the options that it sets itself.

    Options that it adds stay. So callers that ask for its options, as the check of a benchmark
    recipe, get an answer.
    """

    def with_signature(build: Build) -> Build:
        whole = signature(HackAttendLiong2024.build)
        left: list[Parameter] = [p for name, p in whole.parameters.items() if name not in own]
        added = signature(build).parameters.values()
        left += [p for p in added if p.kind is Parameter.KEYWORD_ONLY]

        def built(model_wrapper: ModelWrapper, **options: Any) -> StructureAttack:
            return build(model_wrapper, **options)

        update_wrapper(built, build)
        # Who reads the source of a signature, as Sphinx does, finds fewer options there.
        del built.__wrapped__  # type: ignore[attr-defined]
        built.__signature__ = whole.replace(parameters=left)  # type: ignore[attr-defined]
        return built

    return with_signature


def _random_ranking(preset: str) -> str:
    """Returns the ranking that draws units as a preset says."""
    require_preset(preset)
    return "random_released" if preset else "random"


@attack("hackattend-half-scale")
class HackAttendHalfScale(AttackRecipe):
    """HackAttend over at most 6 layers of 6 heads (paper, Table 2)."""

    @staticmethod
    @_setting("max_layers", "max_heads")
    def build(model_wrapper: ModelWrapper, **options: Any) -> StructureAttack:
        """Builds HackAttend at half scale."""
        return HackAttendLiong2024.build(model_wrapper, max_layers=6, max_heads=6, **options)


@attack("hackattend-random")
class HackAttendRandom(AttackRecipe):
    """Random layers, heads and units (paper, Table 3, "Baseline")."""

    @staticmethod
    @_setting("ranking", "importance")
    def build(model_wrapper: ModelWrapper, *, preset: str = "", **options: Any) -> StructureAttack:
        """Builds the random baseline.

        Args:
            model_wrapper: the wrapper of the victim.
            preset: "released" draws units as the code behind the paper's tables does, which mostly
                hits padding; empty draws attackable ones.
            options: the options of `HackAttendLiong2024.build` that are left.

        Raises:
            InvalidInputError: there is no such preset, or an option is outside its range.
        """
        return HackAttendLiong2024.build(
            model_wrapper, ranking=_random_ranking(preset), importance="random", **options
        )


@attack("hackattend-importance-only")
class HackAttendImportanceOnly(AttackRecipe):
    """Layers and heads by importance, random units (paper, Table 3, "Imp. w/o Grad")."""

    @staticmethod
    @_setting("ranking")
    def build(model_wrapper: ModelWrapper, *, preset: str = "", **options: Any) -> StructureAttack:
        """Builds the attack by importance without gradient.

        Args:
            model_wrapper: the wrapper of the victim.
            preset: "released" draws units as the code behind the paper's tables does, which mostly
                hits padding; empty draws attackable ones.
            options: the options of `HackAttendLiong2024.build` that are left.

        Raises:
            InvalidInputError: there is no such preset, or an option is outside its range.
        """
        return HackAttendLiong2024.build(model_wrapper, ranking=_random_ranking(preset), **options)


@attack("hackattend-gradient-only")
class HackAttendGradientOnly(AttackRecipe):
    """Units by gradient, random layers and heads (paper, Table 3, "Grad w/o Imp.")."""

    @staticmethod
    @_setting("importance")
    def build(model_wrapper: ModelWrapper, **options: Any) -> StructureAttack:
        """Builds the attack by gradient without importance."""
        return HackAttendLiong2024.build(model_wrapper, importance="random", **options)


@attack("hackattend-attention-ranking")
class HackAttendAttentionRanking(AttackRecipe):
    """Units by attention score instead of gradient (paper, Table 6, "Score")."""

    @staticmethod
    @_setting("ranking")
    def build(model_wrapper: ModelWrapper, **options: Any) -> StructureAttack:
        """Builds the attack that ranks units by attention score."""
        return HackAttendLiong2024.build(model_wrapper, ranking="attention", **options)
