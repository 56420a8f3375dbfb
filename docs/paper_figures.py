"""Draws the paper's Figures 4 and 5 again, for docs/paper-tables.md.

python docs/paper_figures.py VICTIM S_ATTEND

VICTIM is a classifier of SST-2, and S_ATTEND one that was trained with S-Attend.
"""

import sys
from pathlib import Path

from textattack_attend import (
    AttentionModelWrapper,
    HackAttendPlus,
    plot_attention,
    plot_attention_maps,
)

NEGATIVE, LAYER, HEAD = 0, 3, 9
"""The class of the first sentence, and the head to which "inconsistent" matters most in it."""

folder = Path(__file__).parent / "figures"
victim, defended = map(AttentionModelWrapper.from_pretrained, sys.argv[1:3])


def named(wrapper, text):
    """Returns the title of a map: the victim's prediction for a text."""
    share = float(wrapper([text]).softmax(-1)[0, 1])
    return f"positive {share:.0%}"


attack = HackAttendPlus.build(victim, mask_fraction=0.05)
result = attack.attack("a wildly inconsistent emotional experience .", NEGATIVE)
print(result)

clean = "a solid examination of the male midlife crisis ."
changed = clean.replace("solid", "hard")
shown = [("no defense", victim, clean), ("no defense", victim, changed)]
shown += [("S-Attend", defended, changed)]
maps = [
    wrapper.attention_map(text, LAYER, HEAD, f"{name}: {named(wrapper, text)}")
    for name, wrapper, text in shown
]
for name, figure in {
    "figure4": plot_attention(result),
    "figure5": plot_attention_maps(maps),
}.items():
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
