"""The embedded victim `attend-demo` and the example reviews that go with it.

`VICTIM_PATH` is the folder of a small BERT that tells negative (0) from positive (1) movie reviews;
`tools.demo.train` made it. `REVIEWS_PATH` is a file with one `sentence<TAB>label` a line. Both are
read from the package, so the demo needs no network.
"""

from pathlib import Path

NAME = "attend-demo"
"""The victim's name, which ``textattack attack --model`` takes."""
VICTIM_PATH = Path(__file__).parent / "victim"
REVIEWS_PATH = Path(__file__).parent / "reviews.tsv"
