"""The configurations of tiny models, by their fields, of families that resemble others."""

from __future__ import annotations

from typing import Any

from .sizes import BEGIN, END, HEADS, HIDDEN, LAYERS, MAX_TOKENS, PAD, UNKNOWN, VOCABULARY

Fields = dict[str, Any]

SPECIAL: Fields = {"pad_token_id": PAD, "bos_token_id": BEGIN, "eos_token_id": END}
SIZES: Fields = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": 2 * HIDDEN,
    "max_position_embeddings": MAX_TOKENS + 2,
    "initializer_range": 0.5,
    **SPECIAL,
}
# Queries share keys and values by two.
GROUPED: Fields = {**SIZES, "num_key_value_heads": HEADS // 2, "head_dim": HIDDEN // HEADS}
LOCAL: Fields = {
    "sliding_window": 4,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
}
UPPER_LOCAL: Fields = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}
MIXTURE: Fields = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": HIDDEN,
    "shared_expert_intermediate_size": HIDDEN,
}
GEMMA: Fields = {**GROUPED, **LOCAL, "query_pre_attn_scalar": HIDDEN // HEADS}
BART: Fields = {
    "vocab_size": len(VOCABULARY),
    "d_model": HIDDEN,
    "encoder_layers": LAYERS,
    "decoder_layers": LAYERS,
    "encoder_attention_heads": HEADS,
    "decoder_attention_heads": HEADS,
    "encoder_ffn_dim": 2 * HIDDEN,
    "decoder_ffn_dim": 2 * HIDDEN,
    "max_position_embeddings": MAX_TOKENS,
    "init_std": 0.5,
    **SPECIAL,
    "decoder_start_token_id": END,
}
T5: Fields = {
    "vocab_size": len(VOCABULARY),
    "d_model": HIDDEN,
    "d_kv": HIDDEN // HEADS,
    "d_ff": 2 * HIDDEN,
    "num_layers": LAYERS,
    "num_heads": HEADS,
    **SPECIAL,
    "decoder_start_token_id": PAD,
}
XLM: Fields = {
    "vocab_size": len(VOCABULARY),
    "emb_dim": HIDDEN,
    "n_layers": LAYERS,
    "n_heads": HEADS,
    "max_position_embeddings": MAX_TOKENS + 2,
    "embed_init_std": 0.5,
    "init_std": 0.5,
    "bos_index": BEGIN,
    "eos_index": END,
    "pad_index": PAD,
    "unk_index": UNKNOWN,
    **SPECIAL,
}

ENCODERS: dict[str, Fields] = {
    "bert": SIZES,
    "distilbert": {
        "vocab_size": len(VOCABULARY),
        "dim": HIDDEN,
        "n_layers": LAYERS,
        "n_heads": HEADS,
        "hidden_dim": 2 * HIDDEN,
        "max_position_embeddings": MAX_TOKENS,
        "initializer_range": 0.5,
        **SPECIAL,
    },
    "electra": {**SIZES, "embedding_size": 12},
    "roberta": SIZES,
    "convbert": {**SIZES, "embedding_size": HIDDEN, "head_ratio": 2, "conv_kernel_size": 3},
    "data2vec-text": SIZES,
    "ernie": SIZES,
    "esm": {**SIZES, "position_embedding_type": "rotary", "token_dropout": False},
    "eurobert": GROUPED,
    "flaubert": XLM,
    "ibert": SIZES,
    "megatron-bert": SIZES,
    "nomic_bert": {**SIZES, "head_dim": HIDDEN // HEADS},
    "rembert": {**SIZES, "input_embedding_size": 12, "output_embedding_size": 12},
    "roformer": {**SIZES, "embedding_size": 12},
    "squeezebert": {
        **SIZES,
        "embedding_size": HIDDEN,
        **dict.fromkeys((f"{part}_groups" for part in ("q", "k", "v", "intermediate")), 2),
        **dict.fromkeys(("post_attention_groups", "output_groups"), 2),
    },
    "xlm": XLM,
    "xlm-roberta-xl": SIZES,
    "xlnet": {
        "vocab_size": len(VOCABULARY),
        "d_model": HIDDEN,
        "n_layer": LAYERS,
        "n_head": HEADS,
        "d_inner": 2 * HIDDEN,
        "initializer_range": 0.5,
        **SPECIAL,
    },
}
ENCODER_DECODERS: dict[str, Fields] = {
    **dict.fromkeys(("m2m_100", "mbart", "pegasus"), BART),
    "marian": {**BART, "scale_embedding": True},
    **dict.fromkeys(("mt5", "umt5"), T5),
    "t5gemma": {
        "encoder": GEMMA,
        "decoder": {**GEMMA, "cross_attention_hidden_size": HIDDEN},
        "vocab_size": len(VOCABULARY),
        **SPECIAL,
    },
}
DECODERS: dict[str, Fields] = {
    "bloom": {
        "vocab_size": len(VOCABULARY),
        "hidden_size": HIDDEN,
        "n_layer": LAYERS,
        "n_head": HEADS,
        "initializer_range": 0.5,
        **SPECIAL,
    },
    "cohere": {**GROUPED, "logit_scale": 1.0},
    "cohere2": {**GROUPED, **LOCAL, "logit_scale": 1.0},
    "deepseek_v3": {
        **SIZES,
        "num_key_value_heads": HEADS,
        "moe_intermediate_size": HIDDEN,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_group": 2,
        "topk_group": 1,
        "first_k_dense_replace": 1,
        "q_lora_rank": 8,
        "kv_lora_rank": 8,
        "qk_rope_head_dim": 2,
        "qk_nope_head_dim": 4,
        "v_head_dim": 4,
        "n_shared_experts": 1,
    },
    "falcon": {**SIZES, "alibi": False},
    "gemma2": GEMMA,
    "gemma3_text": GEMMA,
    "gemma4_text": {
        **GROUPED,
        "sliding_window": 4,
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
        "vocab_size_per_layer_input": len(VOCABULARY),
        "hidden_size_per_layer_input": 8,
        "global_head_dim": HIDDEN // HEADS,
        "num_kv_shared_layers": 0,
    },
    "glm": GROUPED,
    "glm4": GROUPED,
    "gpt_neo": {
        **{name: value for name, value in SIZES.items() if not name.startswith("num_")},
        "num_layers": LAYERS,
        "num_heads": HEADS,
        "attention_types": [[["global", "local"], 1], [["global"], 1]],
        "window_size": 4,
    },
    "gpt_neox": SIZES,
    "gpt_oss": {**GROUPED, **LOCAL, "num_local_experts": 4, "num_experts_per_tok": 2},
    "gptj": {
        "vocab_size": len(VOCABULARY),
        "n_positions": MAX_TOKENS,
        "n_embd": HIDDEN,
        "n_layer": LAYERS,
        "n_head": HEADS,
        "rotary_dim": 2,
        "initializer_range": 0.5,
        **SPECIAL,
    },
    "granite": GROUPED,
    "lfm2": {
        **SIZES,
        "num_key_value_heads": 2,
        "layer_types": ["full_attention", "conv", "full_attention"],
    },
    "llama4_text": {
        **GROUPED,
        "intermediate_size_mlp": 2 * HIDDEN,
        "num_local_experts": 2,
        "num_experts_per_tok": 1,
        "attention_chunk_size": MAX_TOKENS,
        "no_rope_layers": [1, 0, 1],
        "layer_types": ["chunked_attention", "full_attention", "chunked_attention"],
    },
    "ministral": {**GROUPED, **LOCAL},
    "ministral3": {**GROUPED, "sliding_window": 4},
    "mixtral": {**GROUPED, "sliding_window": 4, "num_local_experts": 4},
    "modernbert-decoder": {
        **SIZES,
        "cls_token_id": BEGIN,
        "sep_token_id": END,
        "local_attention": 6,
        "global_attn_every_n_layers": 2,
        "initializer_cutoff_factor": 2.0,
    },
    "mpt": {
        "vocab_size": len(VOCABULARY),
        "d_model": HIDDEN,
        "n_heads": HEADS,
        "n_layers": LAYERS,
        "max_seq_len": MAX_TOKENS,
        "expansion_ratio": 2,
        "initializer_range": 0.5,
        **SPECIAL,
    },
    "olmo": GROUPED,
    "olmo2": GROUPED,
    "olmo3": {**GROUPED, **LOCAL},
    "phi": SIZES,
    "phi3": {**GROUPED, "sliding_window": 4},
    "qwen2_moe": {**GROUPED, **MIXTURE, **UPPER_LOCAL},
    "qwen3": {**GROUPED, **UPPER_LOCAL},
    "qwen3_5_text": {
        **GROUPED,
        "layer_types": ["full_attention", "linear_attention", "full_attention"],
        "linear_key_head_dim": 4,
        "linear_value_head_dim": 4,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
    },
    "qwen3_moe": {**GROUPED, **MIXTURE, **UPPER_LOCAL},
    "smollm3": {**GROUPED, **LOCAL, "use_sliding_window": True, "no_rope_layers": [1, 0, 1]},
    "stablelm": {**GROUPED, "partial_rotary_factor": 0.5},
    "starcoder2": {**GROUPED, "sliding_window": 4},
}
VARIANTS: dict[str, tuple[str, Fields]] = {
    "falcon with alibi": ("falcon", {**SIZES, "alibi": True}),
    "gemma3_text to both sides": ("gemma3_text", {**GEMMA, "use_bidirectional_attention": True}),
    "gemma4_text with shared keys": (
        "gemma4_text",
        {
            **DECODERS["gemma4_text"],
            "layer_types": ["full_attention"] * LAYERS,
            "num_kv_shared_layers": 1,
        },
    ),
    "gemma2 without a cap": ("gemma2", {**GEMMA, "attn_logit_softcapping": None}),
    "esm with a table": ("esm", {**ENCODERS["esm"], "position_embedding_type": "absolute"}),
}
"""Other configurations of the same families, by name, with the model type."""
