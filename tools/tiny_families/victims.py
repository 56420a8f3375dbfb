"""Makes tiny random victims, with a tokenizer that has a token a word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AlbertConfig,
    AutoConfig,
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
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

from textattack_attend.attention import FAMILIES
from textattack_attend.versions import fits
from textattack_attend.victims.prompt import Prompt
from textattack_attend.victims.victim import Victim

from .more import BART, DECODERS, ENCODERS, T5, VARIANTS, Fields
from .more import ENCODER_DECODERS as PAIRS
from .more import GROUPED as _GROUPED
from .more import SIZES as _SIZES
from .sizes import BEGIN, END, HEADS, HIDDEN, LABELS, LAYERS, MAX_TOKENS, VOCABULARY

_DEBERTA = {**_SIZES, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}

CORE: dict[str, Callable[[], PretrainedConfig]] = {
    "albert": lambda: AlbertConfig(**_SIZES, embedding_size=12),
    "bart": lambda: BartConfig(**BART),
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
    "t5": lambda: T5Config(**T5),
    "xlm-roberta": lambda: XLMRobertaConfig(**_SIZES),
}
"""The families that stand for every kind, in all tests."""


def _made(model_type: str, fields: Fields) -> Callable[[], PretrainedConfig]:
    return lambda: AutoConfig.for_model(model_type, **fields)


MORE: dict[str, Callable[[], PretrainedConfig]] = {
    **{name: _made(name, own) for name, own in {**ENCODERS, **PAIRS, **DECODERS}.items()},
    **{name: _made(*own) for name, own in VARIANTS.items()},
}
"""All other families, and other configurations of them."""
CONFIGS = {**CORE, **MORE}
CAUSAL = ("gemma", "gpt2", "llama", "mistral", "opt", "qwen2")
ENCODER_DECODERS = ("bart", "t5", *PAIRS)
EAGER_ONLY = ("deberta", "deberta-v2", "mpnet", "t5")
DIFFERING = ("falcon with alibi", "gemma2", "t5gemma")
"""Families for which some versions of transformers compute something else under sdpa: they leave
out the cap of scores, or round their bias otherwise."""
SINGLE = ("deepseek_v3", "gpt_oss", "mixtral", "mpt", "qwen2_moe", "qwen3_moe")
"""Families whose code computes in single precision only, at least in one version."""
PROMPT = Prompt("the {} was never", ("good", "bad", "dull"))
CROSS = {"cross_attention": True}
USED: dict[str, tuple[str, dict[str, Any]]] = {
    **{family: (family, {}) for family in CORE},
    "bart crosswise": ("bart", CROSS),
    "t5 crosswise": ("t5", CROSS),
    **{
        f"{family} prompted": (family, {"prompt": PROMPT})
        for family in ("gpt2", "llama", "opt", "bart", "t5")
    },
}
"""The families in all their uses: the family, and options of a `Victim`."""
COMBINATIONS = [
    (use, backend)
    for use, (family, _) in USED.items()
    for backend in ("eager", "sdpa")
    if backend == "eager" or family not in EAGER_ONLY
]


AUTOS: dict[tuple[bool, bool], Any] = {
    (False, False): AutoModelForSequenceClassification,
    (False, True): AutoModelForSequenceClassification,
    (True, False): AutoModelForCausalLM,
    (True, True): AutoModelForSeq2SeqLM,
}
"""The Auto classes, by whether a model is prompted, and whether it is an encoder-decoder."""
TEMPLATES = {
    "gpt2": "$A",
    **dict.fromkeys(("t5", "mt5", "umt5"), "$A </s>"),
    "xlnet": "$A </s> <s>",
}
"""The special tokens around a text, where a family has others than its kind."""


def model_type_of(name: str) -> str:
    """Returns the model type of a configuration's name."""
    return VARIANTS[name][0] if name in VARIANTS else name


def is_installed(name: str) -> bool:
    """Returns whether the record of a family fits the installed transformers."""
    return fits(FAMILIES[model_type_of(name)].since)


def use_of(name: str) -> tuple[str, dict[str, Any]]:
    """Returns the family of a use and its options; a family without a classifier is prompted."""
    if name in USED:
        return USED[name]
    has_classifier = model_type_of(name) in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
    return name, {} if has_classifier else {"prompt": PROMPT}


def backends_of(name: str) -> list[str]:
    """Returns the backends under which the installed transformers computes the same model."""
    config = CONFIGS[name]()
    auto = AUTOS["prompt" in use_of(name)[1], config.is_encoder_decoder]
    takes_sdpa = auto._model_mapping[type(config)]._supports_sdpa and name not in DIFFERING
    return ["eager", "sdpa"] if takes_sdpa else ["eager"]


def tiny(
    family: str,
    backend: str = "eager",
    seed: int = 1,
    auto: Any = AutoModelForSequenceClassification,
) -> PreTrainedModel:
    """Makes a tiny random model in eval mode, with the same weights for every backend."""
    config: Any = CONFIGS[family]()
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
    is_decoder = family in CAUSAL or family in DECODERS or VARIANTS.get(family, [""])[0] in DECODERS
    if not is_decoder:
        special |= {"cls_token": "<s>", "sep_token": "</s>"}
    template = TEMPLATES.get(family, "<s> $A" if is_decoder else "<s> $A </s>")
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
    family, options = use_of(use)
    auto = AUTOS["prompt" in options, family in ENCODER_DECODERS]
    model = tiny(family, backend, seed, auto)
    return Victim(model, tiny_tokenizer(family), **options)
