"""Save the first adversarial structure to a file, then replay it on the model."""

import tempfile
from pathlib import Path

from textattack_attend import (
    AttentionModelWrapper,
    DemoReviews,
    HackAttendLiong2024,
    SuccessfulAttackResult,
)

wrapper = AttentionModelWrapper.from_pretrained("attend-demo")  # or a folder, or a hub name
attack = HackAttendLiong2024.build(wrapper)

results = (attack.attack(columns, label) for columns, label in DemoReviews())
success = next(result for result in results if isinstance(result, SuccessfulAttackResult))

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "structure.safetensors"
    success.save(path)
    replay = wrapper.replay(path)

print(f"text:       {replay.text}")
print(f"structure:  {replay.structure}")
print(f"clean:      {wrapper([success.text])[0].softmax(-1).tolist()}")
print(f"replayed:   {replay.logits.softmax(-1).tolist()}")
