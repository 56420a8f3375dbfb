"""A result as a notebook shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from ..display.html import block, paragraph, table
from ..structures import summarize

if TYPE_CHECKING:
    from .results import StructureAttackResult


def html_of(result: StructureAttackResult, verdict: str, *, with_masks: bool) -> str:
    """Returns the verdict, the prediction before and after, the text, and what was masked.

    Nothing is computed: effects of pairs, and attention, are there for those who ask for them.

    Args:
        result: the result.
        verdict: a word for how the attack ended.
        with_masks: whether to list the masked pairs.
    """
    before = result.original_result.get_colored_output()
    after = result.perturbed_result.get_colored_output()
    predicted = before if before == after else f"{before} \N{RIGHTWARDS ARROW} {after}"
    parts = [
        paragraph(Markup("<b>{}</b>: {}").format(verdict, predicted)),
        paragraph(
            Markup('<span style="white-space:pre-wrap">{}</span>').format(result.original_text())
        ),
    ]
    if len(result.structure):
        parts.append(paragraph(f"{summarize(result.structure)}"))
    if with_masks:
        rows = [line.partition(": ")[::2] for line in result.describe()]
        parts.append(table(["matrix", "query -> key, which it no longer sees"], rows))
    return block(*parts)
