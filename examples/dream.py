"""DREAM with at most 128 tokens a sequence, as in the paper, for TextAttack's command line.

DREAM_MODEL is a checkpoint of a ...ForMultipleChoice model.

    export DREAM_MODEL=path/to/checkpoint
    textattack attack --recipe hackattend --num-examples 20 --model-from-file examples/dream.py \
        --dataset-from-file path/to/dev.json^dream
"""

import os

from transformers import AutoModelForMultipleChoice, AutoTokenizer

from textattack_attend.models.wrappers import AttentionModelWrapper

model = AttentionModelWrapper(
    AutoModelForMultipleChoice.from_pretrained(os.environ["DREAM_MODEL"], dtype="float32"),
    AutoTokenizer.from_pretrained(os.environ["DREAM_MODEL"]),
    max_tokens=128,
)
