"""The mask fraction, alpha (paper, Table 5).

textattack attack --attack-from-file recipes/table5.py^alpha_0_1_percent --model attend-demo
"""

from textattack.models.wrappers import ModelWrapper

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.attacks.attack import StructureAttack


def alpha_1_percent(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendLiong2024.build(model_wrapper, mask_fraction=0.01)


def alpha_0_1_percent(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendLiong2024.build(model_wrapper, mask_fraction=0.001)


def alpha_0_01_percent(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendLiong2024.build(model_wrapper, mask_fraction=0.0001)


attack = alpha_1_percent
