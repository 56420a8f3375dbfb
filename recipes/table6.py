"""How the units of a matrix are ranked (paper, Table 6), and the orders the paper does not try.

textattack attack --attack-from-file recipes/table6.py^attention_ranking --model attend-demo
"""

from textattack.models.wrappers import ModelWrapper

from textattack_attend.attack_recipes import HackAttendAttentionRanking, HackAttendLiong2024
from textattack_attend.attacks.attack import StructureAttack


def gradient(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendLiong2024.build(model_wrapper)


def attention_ranking(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendAttentionRanking.build(model_wrapper)


def score_gradient(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendLiong2024.build(model_wrapper, ranking="score_gradient")


def first_order(model_wrapper: ModelWrapper) -> StructureAttack:
    return HackAttendLiong2024.build(model_wrapper, ranking="first_order")


attack = gradient
attention_score = attention_ranking  # the name of version 0.1
