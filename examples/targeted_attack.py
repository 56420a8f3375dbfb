"""Push every review to the class "positive", ranking units by their first-order effect."""

from textattack_attend import (
    AttentionModelWrapper,
    DemoReviews,
    HackAttendLiong2024,
    SuccessfulAttackResult,
)
from textattack_attend.attacks.results import SkippedAttackResult

POSITIVE = 1

wrapper = AttentionModelWrapper.from_pretrained("attend-demo")  # or a folder, or a hub name
attack = HackAttendLiong2024.build(wrapper, target_class=POSITIVE, ranking="first_order")

results = [attack.attack(columns, label) for columns, label in DemoReviews()[:40]]
attacked = [r for r in results if not isinstance(r, SkippedAttackResult)]
successes = [r for r in attacked if isinstance(r, SuccessfulAttackResult)]
print(f"{len(successes)} of {len(attacked)} reviews that were not positive are now")
