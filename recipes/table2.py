"""HackAttend's two scales (paper, Table 2).

textattack attack --attack-from-file recipes/table2.py^half_scale --model attend-demo
"""

from textattack.models.wrappers import ModelWrapper

from textattack_attend.attack_recipes import HackAttendHalfScale, HackAttendLiong2024
from textattack_attend.attacks.attack import StructureAttack


def full_scale(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendLiong2024.build(model_wrapper)


def half_scale(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendHalfScale.build(model_wrapper)


attack = full_scale
