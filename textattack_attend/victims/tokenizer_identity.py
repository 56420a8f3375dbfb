"""The part of a victim's identity that names its tokenizer, and the classes of its parts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase
from transformers.utils.hub import TRANSFORMERS_DYNAMIC_MODULE_NAME

from ..identity.content import digest_of, digest_of_code, digest_of_path, name_of
from ..process.temporary_files import temporary_folder
from .patch_tokens import PatchTokens

TOKENIZER_ATTRIBUTES = (
    "truncation_side",
    "padding_side",
    "model_input_names",
    "add_bos_token",
    "add_eos_token",
    "add_prefix_space",
    "clean_up_tokenization_spaces",
    "split_special_tokens",
)
PROBES = (
    "The QUICK brown foxes, isn't it?",
    "  naïve Ünïcode\tçà et là \u200b\u2019  ",
    "数 12,345.6 😀 [MASK] <s> </s> $ _",
)
"""Texts that show how a tokenizer in Python treats case, accents, spaces and special tokens."""


def class_of(value: Any) -> str | list[str]:
    """Names the class of a value; one that a checkpoint brought along is named by its code."""
    kind = type(value)
    if not kind.__module__.startswith(f"{TRANSFORMERS_DYNAMIC_MODULE_NAME}."):
        return name_of(kind)
    path = sys.modules[kind.__module__].__file__
    return [kind.__qualname__, digest_of_code(Path(str(path)))]


def fields_of_tokenizer(tokenizer: PreTrainedTokenizerBase | PatchTokens) -> dict[str, Any]:
    """Returns how a tokenizer behaves, wherever it was loaded from."""
    if isinstance(tokenizer, PatchTokens):
        return tokenizer.to_dict()
    own = _fast(tokenizer) if tokenizer.is_fast else _slow(tokenizer)
    return {
        "class": class_of(tokenizer),
        "special": tokenizer.special_tokens_map,
        "special ids": tokenizer.all_special_ids,
        **{name: getattr(tokenizer, name, None) for name in TOKENIZER_ATTRIBUTES},
        "own": own,
    }


def _fast(tokenizer: Any) -> Any:
    """Returns the whole backend without the settings that every call of the tokenizer makes."""
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    return {name: own for name, own in backend.items() if name not in ("truncation", "padding")}


def _slow(tokenizer: Any) -> Any:
    """Returns a digest of the vocabulary files, settings, and the token ids of some texts."""
    with temporary_folder() as folder:
        try:
            tokenizer.save_vocabulary(str(folder))
        except NotImplementedError:  # a tokenizer of single bytes, for example, has no files
            vocabulary = digest_of(tokenizer.get_vocab())
        else:
            vocabulary = digest_of_path(folder)
    added = {number: str(token) for number, token in tokenizer.added_tokens_decoder.items()}
    probed = [tokenizer(text, verbose=False)["input_ids"] for text in PROBES]
    words = getattr(tokenizer, "basic_tokenizer", None)  # BERT's, which parts a text into words
    settings = vars(words) if words is not None else None
    return {"vocabulary": vocabulary, "added": added, "probed": probed, "words": settings}
