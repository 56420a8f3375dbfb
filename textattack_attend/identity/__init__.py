"""Identities name everything that decides a result, so that no result is taken for another's.

A victim's identity covers its weights, configuration, tokenizer and settings; an attack's covers
its code, its options and the files that they name. The content of files counts, not their names or
places.
"""

from .record import Identity

__all__ = ["Identity"]
