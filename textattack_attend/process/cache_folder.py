"""Provides another cache folder for TextAttack where its own cannot be written.

TextAttack makes its folder, and a lock in it, when it is imported, and ends in a traceback if it
cannot: in a container whose file system is read-only, or for a user without a home folder. The
files in that folder are worth keeping, but an attack does not need them.
"""

from __future__ import annotations

import os
import sys

from .temporary_files import folder_of_this_process, temporary_files

INSTALL = "textattack.shared.utils.install"
"""The module of TextAttack that makes the folder."""
VARIABLE = "TA_CACHE_DIR"
OTHERS = ("TFHUB_CACHE_DIR", "PYTORCH_TRANSFORMERS_CACHE", "HF_HOME", "XDG_CACHE_HOME")
"""The variables that TextAttack sets to its cache folder if that is named."""
SET_UP = "post_install_check_3"
"""The file by which TextAttack knows that it has downloaded NLTK's data; it locks it, too."""

_replaced: dict[str, str | None] = {}


def provide() -> None:
    """Makes a folder of this process TextAttack's cache if TextAttack cannot write its own.

    Raises:
        InvalidInputError: no other folder can be written either.
    """
    homeless = os.path.expanduser("~") == "~"  # no HOME, and a user that the system does not know
    if not homeless and _can_be_written(_folder()):
        return
    folder = folder_of_this_process()
    if homeless:
        os.environ["HOME"] = str(folder)  # flair cannot be imported without one
    with temporary_files():
        (folder / SET_UP).touch()  # or every process would try to download NLTK's data
    _replaced.update({name: os.environ.get(name) for name in (VARIABLE, *OTHERS)})
    os.environ[VARIABLE] = str(folder)


def restore() -> None:
    """Gives other libraries their cache folders back once TextAttack has set its own."""
    replaced = dict(_replaced)
    _replaced.clear()
    for name, value in replaced.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if named := replaced.get(VARIABLE):  # the user's folder may be read, if not written
        sys.modules[INSTALL].set_cache_dir(named)


def _folder() -> str:
    return os.environ.get(VARIABLE, os.path.expanduser("~/.cache/textattack"))


def _can_be_written(folder: str) -> bool:
    """Returns whether TextAttack can make the folder, and its lock in it."""
    try:
        os.makedirs(folder, exist_ok=True)
        os.close(os.open(os.path.join(folder, f"{SET_UP}.lock"), os.O_RDWR | os.O_CREAT, 0o666))
    except OSError:
        return False
    return True
