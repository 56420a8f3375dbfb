"""HackAttend+ with other settings.

textattack attack --attack-from-file recipes/hackattend_plus.py^first_token_too --model attend-demo
"""

from textattack.models.wrappers import ModelWrapper

from textattack_attend.attack_recipes import HackAttendPlus
from textattack_attend.attacks.attack import StructureAttack


def alpha_0_1_percent(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendPlus.build(model_wrapper, mask_fraction=0.001)


def first_token_too(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendPlus.build(model_wrapper, spare_first_token=False)


def bfloat16(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendPlus.build(model_wrapper, precision="bfloat16")


attack = first_token_too
