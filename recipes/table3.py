"""What importance and gradient are worth (paper, Table 3).

textattack attack --attack-from-file recipes/table3.py^random --model attend-demo
"""

from textattack.models.wrappers import ModelWrapper

from textattack_attend.attack_recipes import (
    HackAttendGradientOnly,
    HackAttendImportanceOnly,
    HackAttendLiong2024,
    HackAttendRandom,
)
from textattack_attend.attacks.attack import StructureAttack


def random(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendRandom.build(model_wrapper)


def importance_only(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendImportanceOnly.build(model_wrapper)


def gradient_only(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendGradientOnly.build(model_wrapper)


def attack(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendLiong2024.build(model_wrapper)


# The names of version 0.1.
baseline = random
importance_without_gradient = importance_only
gradient_without_importance = gradient_only
