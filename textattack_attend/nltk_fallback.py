"""English stop words for NLTK where they can be neither found nor downloaded.

`import textattack` fails without them. The copy in the package is NLTK's own list; data of the
user's, found anywhere on NLTK's path, comes first.
"""

from pathlib import Path

DATA = Path(__file__).parent / "nltk_data"


def provide() -> None:
    """Append the package's data to NLTK's search path if NLTK finds no stop words."""
    import nltk

    try:
        nltk.data.find("corpora/stopwords")
    except LookupError:
        nltk.data.path.append(str(DATA))
