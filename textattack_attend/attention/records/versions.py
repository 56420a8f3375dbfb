"""The differences between versions of transformers that records of families depend on."""

from __future__ import annotations

import transformers
from packaging.specifiers import SpecifierSet


def fits(versions: str) -> bool:
    """Returns whether the installed transformers is one of these versions.

    Args:
        versions: a specifier, as ">=5"; empty for every version.
    """
    return SpecifierSet(versions).contains(transformers.__version__, prereleases=True)


def t5gemma_sees_its_window() -> bool:
    """Returns whether a window of T5Gemma's encoder reaches as far as its size says.

    Transformers 4 has a mask of its own for it, which ends one token earlier on each side.
    """
    from transformers.models.t5gemma import modeling_t5gemma

    return not hasattr(modeling_t5gemma, "sliding_window_bidirectional_mask_function")
