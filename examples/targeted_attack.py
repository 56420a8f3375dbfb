"""Push every review to the class "positive", ranking units by their first-order effect."""

from transformers import AutoModelForSequenceClassification, AutoTokenizer

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.attacks.results import SkippedAttackResult, SuccessfulAttackResult
from textattack_attend.datasets import DemoReviews
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.models.wrappers import AttentionModelWrapper

POSITIVE = 1

model = AutoModelForSequenceClassification.from_pretrained(VICTIM_PATH)
wrapper = AttentionModelWrapper(model, AutoTokenizer.from_pretrained(VICTIM_PATH))
attack = HackAttendLiong2024.build(wrapper, target_class=POSITIVE, ranking="first_order")

results = [attack.attack(columns, label) for columns, label in DemoReviews()[:40]]
attacked = [r for r in results if not isinstance(r, SkippedAttackResult)]
successes = [r for r in attacked if isinstance(r, SuccessfulAttackResult)]
print(f"{len(successes)} of {len(attacked)} reviews that were not positive are now")
