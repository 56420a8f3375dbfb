"""Stop words: TextAttack finds some wherever, and however, the package is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from textattack_attend.host import nltk_fallback

WORDS = """
from pathlib import Path
from textattack_attend.host import nltk_fallback
nltk_fallback.DATA = Path({folder!r})
nltk_fallback.provide()
from nltk.corpus import stopwords
import nltk
print(len(stopwords.words("english")), nltk.data.path[-1], sep="\\n")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="folders have other permissions on Windows")
@pytest.mark.parametrize("mode", [0o755, 0o775, 0o777], ids="{:o}".format)
def test_stop_words_are_found_under_every_umask(mode: int, tmp_path: Path) -> None:
    """NLTK refuses folders that others may write to, as those of a package under umask 002 are."""
    folder = tmp_path / "of the package"
    shutil.copytree(nltk_fallback.DATA, folder)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(mode)
    assert (found_in(folder, tmp_path) == folder) == (mode == 0o755)


def test_stop_words_are_found_where_an_installer_links_files(tmp_path: Path) -> None:
    """NLTK refuses a file of several names; uv links the files of packages to its cache."""
    cache, folder = tmp_path / "cache", tmp_path / "of the package"
    shutil.copytree(nltk_fallback.DATA, cache)
    shutil.copytree(cache, folder, copy_function=os.link)
    assert found_in(folder, tmp_path) != folder


def found_in(folder: Path, home: Path) -> Path:
    """Returns where a process finds stop words whose package has its data in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", WORDS.format(folder=str(folder))],
        env={**os.environ, "NLTK_DATA": "", "HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    count, place = done.stdout.splitlines()
    expected = (nltk_fallback.DATA / nltk_fallback.STOP_WORDS / "english").read_text().split()
    assert int(count) == len(expected) > 100
    assert place == str(folder) or not Path(place).exists()  # it is gone with its process
    return Path(place)


def test_data_of_the_users_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    import nltk

    monkeypatch.setattr(nltk.data, "path", [str(nltk_fallback.DATA)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nltk_fallback.provide()
    assert nltk.data.path == [str(nltk_fallback.DATA)]
