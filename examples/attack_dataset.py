"""Attack the example reviews and print what was masked."""

from textattack import AttackArgs, Attacker
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.attacks.results import SuccessfulAttackResult
from textattack_attend.datasets import DemoReviews
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.models.wrappers import AttentionModelWrapper

model = AutoModelForSequenceClassification.from_pretrained(VICTIM_PATH)  # or a hub name
wrapper = AttentionModelWrapper(model, AutoTokenizer.from_pretrained(VICTIM_PATH))
attack = HackAttendLiong2024.build(wrapper, mask_fraction=0.01)
args = AttackArgs(num_examples=20, disable_stdout=True)
for result in Attacker(attack, DemoReviews(), args).attack_dataset():
    if isinstance(result, SuccessfulAttackResult):
        print(result.text, *result.describe(), sep="\n    ")
