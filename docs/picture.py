"""Draws the picture of the README: a sentence, and the pairs of tokens that it hangs on.

python docs/picture.py
"""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from textattack_attend import AttentionModelWrapper, HackAttendPlus

SENTENCE = "the acting is superb but the plot never comes alive"
NAMES = ("negative", "positive")
NEGATIVE = 0
INK, QUIET, MASKED = "#1b1f24", "#57606a", "#c62828"
LETTER, GAP = 0.115, 0.24
"""The width of a letter and of the gap between tokens, in units of the axes."""
SIZE = (9.6, 3.4)
BEND = 0.7
"""How high an arrow is, as twice its height over its length."""


def main() -> None:
    """Attacks the sentence on the embedded victim, and draws what was masked."""
    wrapper = AttentionModelWrapper.from_pretrained("attend-demo")
    result = HackAttendPlus.build(wrapper).attack(SENTENCE, NEGATIVE)
    shape = result.structure.shape
    units = shape.layers * shape.heads * shape.tokens**2
    clean, masked = (
        wrapper.victim.logits([SENTENCE], [structure])[0].softmax(-1)
        for structure in (wrapper.victim.empty_structure(SENTENCE), result.structure)
    )
    with rc_context({"font.family": "DejaVu Sans", "svg.hashsalt": "picture"}):
        figure = Figure(figsize=SIZE, facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1))
        places = draw_tokens(axes, result.tokens[1:-1])
        for layer, head, query, key in result.structure.units.tolist():
            draw_pair(axes, places[query - 1], places[key - 1], f"L{layer} H{head}")
        before, after = int(clean.argmax()), int(masked.argmax())
        top = axes.get_ylim()[1]
        write(axes, top - 0.4, f"The victim says: {NAMES[before]} ({clean[before]:.0%})", INK, 15)
        said = f"{NAMES[after]} ({masked[after]:.0%})"
        count = len(result.structure)
        write(axes, -0.62, f"With {count} of {units:,} attention units masked: {said}", MASKED, 15)
        write(
            axes,
            -0.98,
            "An arrow: the token at its tail no longer attends to the one at its head",
            QUIET,
            10,
        )
        figure.savefig(Path(__file__).parent / "figures" / "sentence.svg", metadata={"Date": None})


def draw_tokens(axes: Axes, tokens: list[str]) -> list[float]:
    """Writes the tokens in a row, and returns where the middle of each is."""
    places, left = [], 0.35
    for token in tokens:
        width = LETTER * len(token) + GAP
        places.append(left + width / 2)
        axes.text(places[-1], 0, token, ha="center", va="center", color=INK, fontsize=15)
        left += width
    width = left + 0.35
    axes.set(xlim=(0, width), ylim=(-1.2, width * SIZE[1] / SIZE[0] - 1.2))
    axes.axis("off")
    return places


def draw_pair(axes: Axes, query: float, key: float, name: str) -> None:
    """Draws an arrow from a query to a key that it no longer sees."""
    bend = BEND if query > key else -BEND
    arrow = FancyArrowPatch(
        (query, 0.2),
        (key, 0.2),
        connectionstyle=f"arc3,rad={bend}",
        arrowstyle="-|>",
        mutation_scale=14,
        color=MASKED,
        linewidth=1.8,
        linestyle=(0, (4, 2)),
    )
    axes.add_patch(arrow)
    height = 0.24 + BEND * abs(query - key) / 2
    at = (query + key) / 2
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    axes.text(at, height, name, ha="center", va="bottom", color=MASKED, fontsize=11, bbox=box)


def write(axes: Axes, height: float, text: str, color: str, size: float) -> None:
    """Writes a line in the middle of the picture."""
    middle = axes.get_xlim()[1] / 2
    axes.text(middle, height, text, ha="center", va="center", color=color, fontsize=size)


if __name__ == "__main__":
    main()
