"""A language model that classifies without training, for TextAttack's command line.

LANGUAGE_MODEL is a causal or a seq2seq model, a hub name or a folder; write the label words as they
follow the prompt.

    export LANGUAGE_MODEL=gpt2
    textattack attack --recipe hackattend --num-examples 20 \
        --model-from-file examples/zero_shot.py --dataset-from-file path/to/dev.tsv^sst2
"""

import os

from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.victims.prompt import Prompt

name = os.environ["LANGUAGE_MODEL"]
seq2seq = AutoConfig.from_pretrained(name).is_encoder_decoder
auto = AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM
language_model = auto.from_pretrained(name, dtype="float32")
prompt = Prompt("Review: {}\nThis film is", (" bad", " good"))
model = AttentionModelWrapper(language_model, AutoTokenizer.from_pretrained(name), prompt=prompt)
