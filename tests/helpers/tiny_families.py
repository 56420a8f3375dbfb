"""Makes tiny random classifiers of families that `conftest` lacks, and tokenizers for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AlbertConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    BartConfig,
    CamembertConfig,
    DebertaConfig,
    DebertaV2Config,
    GemmaConfig,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    ModernBertConfig,
    MPNetConfig,
    OPTConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    T5Config,
    XLMRobertaConfig,
)

from textattack_attend.victims.prompt import Prompt
from textattack_attend.victims.victim import Victim

from ..conftest import HEADS, HIDDEN, LABELS, LAYERS, MAX_TOKENS, PAD, WORDS

BEGIN, END, UNKNOWN = 0, 2, 3
VOCABULARY = ["<s>", "<pad>", "</s>", "<unk>", *WORDS]

_SPECIAL: dict[str, Any] = {"pad_token_id": PAD, "bos_token_id": BEGIN, "eos_token_id": END}
_SIZES: dict[str, Any] = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": 2 * HIDDEN,
    "max_position_embeddings": MAX_TOKENS + 2,
    "initializer_range": 0.5,
    **_SPECIAL,
}
# Queries share keys and values by two.
_GROUPED = {**_SIZES, "num_key_value_heads": HEADS // 2, "head_dim": HIDDEN // HEADS}
_DEBERTA = {**_SIZES, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}

CONFIGS: dict[str, Callable[[], PretrainedConfig]] = {
    "albert": lambda: AlbertConfig(**_SIZES, embedding_size=12),
    "bart": lambda: BartConfig(
        vocab_size=len(VOCABULARY),
        d_model=HIDDEN,
        encoder_layers=LAYERS,
        decoder_layers=LAYERS,
        encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS,
        encoder_ffn_dim=2 * HIDDEN,
        decoder_ffn_dim=2 * HIDDEN,
        max_position_embeddings=MAX_TOKENS,
        init_std=0.5,
        **_SPECIAL,
        decoder_start_token_id=END,
    ),
    "camembert": lambda: CamembertConfig(**_SIZES),
    "deberta": lambda: DebertaConfig(**_DEBERTA),
    "deberta-v2": lambda: DebertaV2Config(**_DEBERTA),
    "gemma": lambda: GemmaConfig(**_GROUPED),
    "gpt2": lambda: GPT2Config(
        vocab_size=len(VOCABULARY),
        n_embd=HIDDEN,
        n_layer=LAYERS,
        n_head=HEADS,
        n_positions=MAX_TOKENS,
        initializer_range=0.5,
    ),
    "llama": lambda: LlamaConfig(**_GROUPED),
    "mistral": lambda: MistralConfig(**_GROUPED, sliding_window=4),
    "modernbert": lambda: ModernBertConfig(
        **_SIZES,
        cls_token_id=BEGIN,
        sep_token_id=END,
        local_attention=6,
        initializer_cutoff_factor=2.0,
    ),
    "mpnet": lambda: MPNetConfig(**_SIZES),
    "opt": lambda: OPTConfig(
        **_SIZES, ffn_dim=2 * HIDDEN, word_embed_proj_dim=HIDDEN, init_std=0.5
    ),
    "qwen2": lambda: Qwen2Config(
        **_GROUPED, use_sliding_window=True, sliding_window=4, max_window_layers=1
    ),
    "t5": lambda: T5Config(
        vocab_size=len(VOCABULARY),
        d_model=HIDDEN,
        d_kv=HIDDEN // HEADS,
        d_ff=2 * HIDDEN,
        num_layers=LAYERS,
        num_heads=HEADS,
        **_SPECIAL,
        decoder_start_token_id=PAD,
    ),
    "xlm-roberta": lambda: XLMRobertaConfig(**_SIZES),
}
ENGINE = ("albert", "camembert", "xlm-roberta")
CAUSAL = ("gemma", "gpt2", "llama", "mistral", "opt", "qwen2")
ENCODER_DECODERS = ("bart", "t5")
EAGER_ONLY = ("deberta", "deberta-v2", "mpnet", "t5")
PROMPT = Prompt("the {} was never", ("good", "bad", "dull"))
CROSS = {"cross_attention": True}
USED: dict[str, tuple[str, dict[str, Any]]] = {
    **{family: (family, {}) for family in CONFIGS},
    "bart crosswise": ("bart", CROSS),
    "t5 crosswise": ("t5", CROSS),
    **{
        f"{family} prompted": (family, {"prompt": PROMPT})
        for family in ("gpt2", "llama", "opt", *ENCODER_DECODERS)
    },
}
"""The families in all their uses: the family, and options of a `Victim`."""
COMBINATIONS = [
    (use, backend)
    for use, (family, _) in USED.items()
    for backend in ("eager", "sdpa")
    if backend == "eager" or family not in EAGER_ONLY
]


def tiny(
    family: str,
    backend: str = "eager",
    seed: int = 1,
    auto: Any = AutoModelForSequenceClassification,
) -> PreTrainedModel:
    """Makes a tiny random model in eval mode, with the same weights for every backend."""
    config = CONFIGS[family]()
    config.num_labels = LABELS
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: PreTrainedModel = auto.from_config(config, attn_implementation=backend)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.ndim == 1:
                    parameter.add_(0.3 * torch.randn_like(parameter))
                elif "embed" not in name:
                    parameter.copy_(0.5 * torch.randn_like(parameter))
    model.eval()
    return model


def tiny_tokenizer(family: str) -> PreTrainedTokenizerFast:
    """Makes a tokenizer with a token a word, and special tokens at the ends as the family has."""
    words: Any = models.WordLevel({word: i for i, word in enumerate(VOCABULARY)}, "<unk>")
    tokenizer: Any = Tokenizer(words)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special: dict[str, Any] = {"unk_token": "<unk>", "eos_token": "</s>", "bos_token": "<s>"}
    if family not in CAUSAL:
        special |= {"cls_token": "<s>", "sep_token": "</s>"}
        template = "<s> $A </s>"
    else:
        template = "$A" if family == "gpt2" else "<s> $A"
    template = "$A </s>" if family == "t5" else template
    if family != "gpt2":  # it has no padding token of its own
        special |= {"pad_token": "<pad>"}
    ids = [("<s>", BEGIN), ("</s>", END)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=template, pair=f"{template} $B:0", special_tokens=ids
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=MAX_TOKENS,
        **special,
    )


def tiny_victim(use: str, backend: str = "eager", seed: int = 1) -> Victim:
    """Makes a victim with a model of its own."""
    family, options = USED[use]
    auto: Any = AutoModelForSequenceClassification
    if "prompt" in options:
        auto = AutoModelForSeq2SeqLM if family in ENCODER_DECODERS else AutoModelForCausalLM
    model = tiny(family, backend, seed, auto)
    return Victim(model, tiny_tokenizer(family), **options)
