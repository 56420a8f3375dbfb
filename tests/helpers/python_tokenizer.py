"""BERT's tokenizer in Python, which transformers 5 has moved to a module of its own."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

LEGACY = "transformers.models.bert.tokenization_bert_legacy"

PythonTokenizer: Any = (
    import_module(LEGACY).BertTokenizerLegacy
    if find_spec(LEGACY)
    else import_module("transformers").BertTokenizer
)
