"""The sizes of the tiny models, and the words of their tokenizers."""

from __future__ import annotations

TEXT = """
    the a film plot actor scene music story is was feels looks never always quite rather good bad
    dull funny great weak warm cold brave lost and but with about love war time life .
"""
WORDS = TEXT.split()
PAD, MAX_TOKENS = 1, 32
LAYERS, HEADS, HIDDEN, LABELS = 3, 4, 16, 3
BEGIN, END, UNKNOWN = 0, 2, 3
VOCABULARY = ["<s>", "<pad>", "</s>", "<unk>", *WORDS]
