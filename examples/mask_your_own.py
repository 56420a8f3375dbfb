"""Mask attention units of your choice and see what they were worth: no attack, no TextAttack."""

from transformers import AutoModelForSequenceClassification, AutoTokenizer

from textattack_attend.demo import VICTIM_PATH
from textattack_attend.structures import Structure
from textattack_attend.victims.victim import Victim

TEXT = "the acting is superb but the plot never comes alive"

model = AutoModelForSequenceClassification.from_pretrained(VICTIM_PATH)
victim = Victim(model, AutoTokenizer.from_pretrained(VICTIM_PATH))

nothing = victim.empty_structure(TEXT)
heads = [
    Structure.whole(nothing.shape, [(layer, head)])
    for layer in range(nothing.shape.layers)
    for head in range(nothing.shape.heads)
]
clean, *masked = victim.logits([TEXT] * (1 + len(heads)), [nothing, *heads]).softmax(-1)[:, 1]
print(f"positive: {clean:.3f}")
for head, positive in zip(heads, masked, strict=True):
    (layer, number), *_ = head.matrices
    print(f"L{layer} H{number} uniform: {positive:.3f} ({positive - clean:+.3f})")
