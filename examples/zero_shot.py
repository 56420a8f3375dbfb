"""A language model that classifies without training, for TextAttack's command line.

LANGUAGE_MODEL is a causal or a seq2seq model, a hub name or a folder. TEMPLATE is the prompt, with
{} where the text goes. LABEL_WORDS are the words of class 0, 1, ..., with commas between them,
written as they follow the prompt.

    export LANGUAGE_MODEL=gpt2 TEMPLATE='{} It was' LABEL_WORDS=' terrible, great'
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
prompt = Prompt(
    os.environ.get("TEMPLATE", "Review: {}\nSentiment:"),
    tuple(os.environ.get("LABEL_WORDS", " negative, positive").split(",")),
)
model = AttentionModelWrapper(language_model, AutoTokenizer.from_pretrained(name), prompt=prompt)
