"""Draws the figures of docs/gallery.md.

textattack-attend benchmark quick --store quick.sqlite
python docs/gallery.py quick.sqlite
"""

import sys
from pathlib import Path

from textattack_attend.benchmark import Results, Store
from textattack_attend.report import (
    attention_of_a_success,
    plot_attention,
    plot_efficiency,
    plot_heads,
    plot_layers,
    plot_reached_layers,
    plot_robustness,
)

folder = Path(__file__).parent / "figures"
folder.mkdir(exist_ok=True)
results = Results.of(Store(sys.argv[1], new=False))
found = attention_of_a_success(results)
title = f"layer {found.layer}, head {found.head}"
figures = {
    "attention": plot_attention(found.before, found.after, found.tokens, found.masked, title),
    "layers": plot_layers(results),
    "reached": plot_reached_layers(results),
    "heads": plot_heads(results),
    "robustness": plot_robustness(results),
    "efficiency": plot_efficiency(results),
}
for name, figure in figures.items():
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
