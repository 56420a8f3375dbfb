"""The embedded victim `attend-demo` and the example reviews that go with it.

`VICTIM_PATH` is a small BERT that tells negative (0) from positive (1) movie reviews, made by
`tools.demo.train`; `REVIEWS_PATH` holds one `sentence<TAB>label` a line. Both are
read from the package, so the demo needs no network.
"""

from pathlib import Path

NAME = "attend-demo"
"""Of the victim, as ``textattack attack --model`` takes it."""
VICTIM_PATH = Path(__file__).parent / "victim"
REVIEWS_PATH = Path(__file__).parent / "reviews.tsv"
