"""DREAM under attack, by HackAttend or by TextAttack's own attacks.

DREAM_MODEL is a checkpoint of a ...ForMultipleChoice model, DREAM_DATA a file as published.

    export DREAM_MODEL=path/to/checkpoint DREAM_DATA=path/to/dev.json
    textattack attack --recipe hackattend --num-examples 20 \
        --model-from-file examples/dream.py --dataset-from-file examples/dream.py
"""

import os

from transformers import AutoModelForMultipleChoice, AutoTokenizer

from textattack_attend.datasets import dream
from textattack_attend.models.wrappers import AttentionModelWrapper

dataset = dream(os.environ["DREAM_DATA"])
model = AttentionModelWrapper(
    AutoModelForMultipleChoice.from_pretrained(os.environ["DREAM_MODEL"]),
    AutoTokenizer.from_pretrained(os.environ["DREAM_MODEL"]),
    max_tokens=128,
)
