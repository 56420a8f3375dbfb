"""Identity: names everything that decides a number, so that no number is taken for another's.

A victim's identity covers its weights, configuration, tokenizer and settings; an attack's covers
its code, its options and the files that they name. Names and places of files do not count, only
what stands in them.
"""

from .record import Identity

__all__ = ["Identity"]
