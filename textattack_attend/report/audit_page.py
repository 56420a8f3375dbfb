"""The page of an audit: the report of its attacks, with the audit's own sections before it."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import shorten

import pandas as pd
from matplotlib.figure import Figure

from ..analysis.audit import FRACTIONS, STRONGEST, Audit
from .figures import plot_robustness
from .marks import LinkedFigure
from .page import report
from .sections import Section

LONGEST_TEXT = 200
"""The most characters of an example's text in the caption of its token pairs."""
TRUSTED = (
    "The checks found no sign that these numbers cannot be trusted: gradients do not vanish, "
    "random masks do not beat the gradient, the victim answers the same twice, and a fresh forward "
    "pass confirms the successes."
)
DOUBTED = "The warnings say why the numbers on this page cannot be trusted."


def audit_page(audit: Audit, title: str, *, attention: bool = False) -> str:
    """Returns the page of an audit as HTML.

    Args:
        audit: the audit.
        title: the title of the page.
        attention: load the checkpoint and the data that the audit names, to show the attention
            before and after an attack.
    """
    sections = (_audit(audit), _budgets(audit), _pairs(audit))
    return report(audit.results, title, attention=attention, sections=sections)


def _audit(audit: Audit) -> Section:
    judged = DOUBTED if audit.warnings else TRUSTED
    return Section(
        "Audit",
        warnings=audit.warnings,
        paragraphs=(audit.sentence, judged),
        tables={
            "Attacks, with queries and seconds as means over what they attacked": audit.attacks
        },
    )


def _budgets(audit: Audit) -> Section:
    curve = audit.curve
    table = pd.DataFrame(
        {
            "mask fraction": [f"{100 * fraction:g}%" for fraction in curve["mask_fraction"]],
            "accuracy": [f"{accuracy:.1%}" for accuracy in curve["accuracy"]],
            "95% interval": [
                f"{low:.0%} to {high:.0%}"
                for low, high in curve[["low", "high"]].itertuples(index=False)
            ],
        }
    )
    return Section(
        "Accuracy over the budget",
        paragraphs=(
            f"{STRONGEST} with {len(FRACTIONS)} budgets. The mask fraction is the share of each "
            "attention matrix that may be masked. Examples that the victim has wrong without an "
            "attack count as wrong.",
        ),
        figure=_figure(audit),
        tables={f"Accuracy of the victim under {STRONGEST}": table},
    )


def _figure(audit: Audit) -> Figure:
    """Draws the curve; the examples of the other budgets are in the store, not on the page."""
    figure = plot_robustness(audit.budgets)
    if isinstance(figure, LinkedFigure):
        figure.unlink()
    return figure


def _pairs(audit: Audit) -> Section:
    if audit.pairs.empty:
        return Section("Telling token pairs", paragraphs=(f"{STRONGEST} had no success.",))
    return Section(
        "Telling token pairs",
        paragraphs=(
            f"The successes of {STRONGEST} that mask the fewest units. In each pair, the query no "
            "longer sees the key. The effect is how much the margin of the wrong class falls, in "
            "logits, if it sees the key again. Layers, heads and examples are counted from 0.",
        ),
        tables=dict(_tables(audit.pairs)),
    )


def _tables(pairs: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yields, for every example, a caption and the table of its pairs."""
    for position, own in pairs.groupby("position", sort=False):
        first = own.iloc[0]
        text = shorten(first["text"], LONGEST_TEXT, placeholder=" ...")
        caption = f"Example {position}, {first['before']} → {first['after']}: {text}"
        table = own[["layer", "head", "query", "key"]].astype(str)
        yield caption, table.assign(effect=[f"{effect:.2f}" for effect in own["effect"]])
