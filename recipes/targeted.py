"""A targeted attack: every text shall be predicted as one class.

textattack attack --attack-from-file recipes/targeted.py^positive --model attend-demo
"""

from textattack.models.wrappers import ModelWrapper

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.attacks.attack import StructureAttack


def negative(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendLiong2024.build(model_wrapper, target_class=0)


def positive(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendLiong2024.build(model_wrapper, target_class=1)


attack = positive
