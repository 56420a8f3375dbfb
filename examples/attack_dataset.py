"""Attack the example reviews and print what was masked."""

from textattack import AttackArgs, Attacker

from textattack_attend import (
    AttentionModelWrapper,
    DemoReviews,
    HackAttendLiong2024,
    SuccessfulAttackResult,
)

wrapper = AttentionModelWrapper.from_pretrained("attend-demo")  # or a folder, or a name on the hub
attack = HackAttendLiong2024.build(wrapper, mask_fraction=0.01)
args = AttackArgs(num_examples=20, disable_stdout=True)
for result in Attacker(attack, DemoReviews(), args).attack_dataset():
    if isinstance(result, SuccessfulAttackResult):
        print(result.text, *result.describe(), sep="\n    ")
