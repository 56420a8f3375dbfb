"""Provides English stop words where NLTK can neither find nor download them.

`import textattack` fails without them. The copy in the package is NLTK's own list; data of the
user's, found anywhere on NLTK's path, comes first.
"""

import warnings
from pathlib import Path

from ..process.temporary_files import folder_of_this_process, temporary_files

DATA = Path(__file__).parent / "nltk_data"
STOP_WORDS = "corpora/stopwords"


def provide() -> None:
    """Appends the package's data to NLTK's search path if NLTK can read no stop words."""
    import nltk

    if _can_be_read():
        return
    nltk.data.path.append(str(DATA))
    if not _can_be_read():
        nltk.data.path[-1] = str(_private_copy())


def _can_be_read() -> bool:
    import nltk

    try:
        with warnings.catch_warnings():  # NLTK warns of folders that it does not trust
            warnings.simplefilter("ignore", RuntimeWarning)
            with nltk.data.find(f"{STOP_WORDS}/english").open():
                pass
    except (LookupError, OSError):
        return False
    return True


def _private_copy() -> Path:
    """Copies the data to a folder of this process, which is deleted when the process ends.

    NLTK reads nothing from a folder that another account, or a group, may write to. A package is
    installed into such folders where the umask is 002, as it is by default on many systems. NLTK
    reads no file of several names either, and uv links the files of a package to its cache.

    Raises:
        InvalidInputError: there is no place for temporary files, or it is full.
    """
    folder = folder_of_this_process()
    for source in DATA.rglob("*"):
        target = folder / source.relative_to(DATA)
        with temporary_files():
            if source.is_dir():
                target.mkdir(mode=0o700, parents=True, exist_ok=True)
            else:
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
                target.chmod(0o600)
    return folder
