"""Save the first adversarial structure to a file, then replay it on the model."""

import tempfile
from pathlib import Path

from transformers import AutoModelForSequenceClassification, AutoTokenizer

from textattack_attend.attack_recipes import HackAttendLiong2024
from textattack_attend.attacks.results import SuccessfulAttackResult
from textattack_attend.datasets import DemoReviews
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.models.wrappers import AttentionModelWrapper

model = AutoModelForSequenceClassification.from_pretrained(VICTIM_PATH)
wrapper = AttentionModelWrapper(model, AutoTokenizer.from_pretrained(VICTIM_PATH))
attack = HackAttendLiong2024.build(wrapper)

results = (attack.attack(columns, label) for columns, label in DemoReviews())
success = next(result for result in results if isinstance(result, SuccessfulAttackResult))

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "structure.safetensors"
    wrapper.victim.save_structure(path, success.text, success.structure)
    replay = wrapper.victim.replay(path)

print(f"text:       {replay.text}")
print(f"structure:  {replay.structure}")
print(f"clean:      {wrapper([success.text])[0].softmax(-1).tolist()}")
print(f"replayed:   {replay.logits.softmax(-1).tolist()}")
