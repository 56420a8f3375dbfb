r"""A small untrained classifier of another family than BERT, to be trained on SST-2.

python examples/from_scratch.py gpt2 ../shared/data/sst2/train.tsv untrained
textattack-attend train --model untrained --data ../shared/data/sst2^sst2 \
    --output victim --learning-rate 5e-4
"""

import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForSequenceClassification,
    GPT2Config,
    LlamaConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
)

from textattack_attend.data.published import sst2

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
BEGIN, PAD, END, UNKNOWN = range(len(SPECIAL))
VOCABULARY = 6000
COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "intermediate_size": 256,
    "max_position_embeddings": 130,
    "bos_token_id": BEGIN,
    "pad_token_id": PAD,
    "eos_token_id": END,
}
CONFIGS: dict[str, PretrainedConfig] = {
    "gpt2": GPT2Config(
        vocab_size=VOCABULARY,
        n_embd=128,
        n_layer=4,
        n_head=8,
        n_positions=130,
        resid_pdrop=0.3,
        embd_pdrop=0.3,
        bos_token_id=BEGIN,
        pad_token_id=PAD,
        eos_token_id=END,
    ),
    # Grouped queries: two of them share their keys and values. Llama drops nothing but attention.
    "llama": LlamaConfig(**COMMON, num_key_value_heads=4, attention_dropout=0.3),
    "roberta": RobertaConfig(**COMMON, hidden_dropout_prob=0.3, type_vocab_size=1),
}


def byte_level_tokenizer(sentences: list[str], begins: bool, ends: bool) -> PreTrainedTokenizerFast:
    """Byte-level BPE, learned from the sentences; with special tokens around a text or not."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences, trainer)
    begin, end = "<s> " if begins else "", " </s>" if ends else ""
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin}$A{end}",
        pair=f"{begin}$A{end} $B{end}",
        special_tokens=[("<s>", BEGIN), ("</s>", END)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=128,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        **({"cls_token": "<s>", "sep_token": "</s>"} if ends else {}),
    )


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in CONFIGS:
        sys.exit(f"usage: python from_scratch.py {{{','.join(CONFIGS)}}} TRAIN.TSV OUTPUT")
    family, data, output = sys.argv[1:]
    torch.manual_seed(0)
    sentences = [sentence for (sentence,), _ in sst2(data)]
    tokenizer = byte_level_tokenizer(sentences, begins=family != "gpt2", ends=family == "roberta")
    tokenizer.save_pretrained(output)
    AutoModelForSequenceClassification.from_config(CONFIGS[family]).save_pretrained(output)
