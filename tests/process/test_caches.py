"""Folders that cannot be written: caches, the home folder, the place for temporary files."""

from __future__ import annotations

import os
import pwd
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from textattack_attend.demo import VICTIM_PATH
from textattack_attend.errors import InvalidInputError
from textattack_attend.host import nltk_fallback
from textattack_attend.process import cache_folder
from textattack_attend.process.temporary_files import (
    folder_of_this_process,
    needing_a_place,
    temporary_folder,
)

NOWHERE = "/dev/null/cache"
"""A path under a file: root, too, can make no folder there."""
UNKNOWN_USER = """
import pwd
def unknown(number):
    raise KeyError(f"getpwuid(): uid not found: {number}")
pwd.getpwuid = unknown
"""
RECIPE = """
data: attend-demo
examples: 1
victims: {demo: attend-demo}
attacks:
  A: {recipe: hackattend-plus, options: {rounds: 1}}
"""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Undoes every change that a test makes to the environment."""
    for name in ("HOME", cache_folder.VARIABLE, *cache_folder.OTHERS):
        monkeypatch.setenv(name, os.environ.get(name, ""))
        monkeypatch.delenv(name)
    yield monkeypatch
    cache_folder._replaced.clear()


def cache() -> str | None:
    return os.environ.get(cache_folder.VARIABLE)


def test_a_cache_that_can_be_written_stays(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("HOME", str(tmp_path))
    cache_folder.provide()
    assert cache() is None
    cache_folder.restore()
    assert (tmp_path / ".cache" / "textattack").is_dir()
    environment.setenv(cache_folder.VARIABLE, str(tmp_path / "other"))
    cache_folder.provide()
    assert cache() == str(tmp_path / "other")


def test_another_takes_the_place_of_one_that_cannot_be_written(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("HOME", "/dev/null")
    environment.setenv("HF_HOME", "the user's")
    cache_folder.provide()
    own = Path(cache() or "")
    assert own.is_dir()
    assert own.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in own.iterdir()] == [cache_folder.SET_UP]
    assert os.environ["HOME"] == "/dev/null"
    for name in cache_folder.OTHERS:  # as TextAttack does
        environment.setenv(name, str(own))
    cache_folder.restore()
    assert cache() is None
    assert os.environ["HF_HOME"] == "the user's"
    assert "XDG_CACHE_HOME" not in os.environ


@pytest.mark.parametrize("named", [NOWHERE, ""])
def test_a_cache_that_the_user_names_is_still_that_of_other_libraries(
    named: str, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[str] = []
    environment.setitem(
        sys.modules,
        cache_folder.INSTALL,
        SimpleNamespace(set_cache_dir=told.append),
    )
    environment.setenv("HOME", str(tmp_path))
    environment.setenv(cache_folder.VARIABLE, named)
    cache_folder.provide()
    assert Path(cache() or "").is_dir()
    cache_folder.restore()
    assert cache() == named
    assert told == ([named] if named else [])


def test_a_user_whom_the_system_does_not_know_gets_a_home(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    environment.setattr(pwd, "getpwuid", unknown)
    environment.chdir(tmp_path)
    with pytest.raises(RuntimeError):
        Path.home()
    cache_folder.provide()
    cache_folder.restore()
    assert Path.home().is_dir()
    assert list(tmp_path.iterdir()) == []  # TextAttack would make a folder named ~


@contextmanager
def no_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Inside, no file can be written, and temporary files have no place yet."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(tempfile, "tempdir", None)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_temporary_files_without_a_place_are_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    line = r"^expected a folder in which temporary files can be written, got none .*; set TMPDIR"
    with no_place(monkeypatch):
        with pytest.raises(InvalidInputError, match=line):
            folder_of_this_process()
        with pytest.raises(InvalidInputError, match=line), temporary_folder():
            pass
        with pytest.raises(InvalidInputError, match=line), needing_a_place():
            tempfile.gettempdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # a folder on a disk that is full
        with pytest.raises(InvalidInputError, match=line):
            nltk_fallback._private_copy()


def test_another_file_that_is_missing_stays_an_error_of_its_own() -> None:
    with pytest.raises(FileNotFoundError), needing_a_place():
        Path("/no/such/file").read_bytes()


# --- whole commands, in processes of their own ---


def run(
    command: str,
    *arguments: object,
    folder: Path,
    variables: dict[str, str],
    limited: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Runs a command in a folder with only these variables."""
    paths = [str(folder / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    known = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [Path(sys.executable).with_name(command), *map(str, arguments)],
        env={**known, "PYTHONPATH": os.pathsep.join(paths), **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_without_room if limited else None,
    )


def _without_room() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def test_a_command_without_a_place_for_temporary_files_says_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    done = run(
        "textattack-attend", "validate", "recipe.yaml", folder=tmp_path, variables={}, limited=True
    )
    assert done.returncode == 1
    assert done.stdout == ""
    line = done.stderr.splitlines()[-1]
    assert line.startswith("Error: expected a folder in which temporary files can be written, got")


CACHES = ("HF_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR", "NLTK_DATA", "TMPDIR", "TORCH_HOME")
UNUSABLE = {"HOME": "/dev/null", **dict.fromkeys(CACHES, NOWHERE)}


def check(folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    (folder / "data.tsv").write_text("The plot never comes alive.\t0\nA warm film.\t1\n")
    arguments = ("check", "--model", "attend-demo", "--data", "data.tsv")
    return run("textattack-attend", *arguments, folder=folder, variables=variables)


def test_a_command_runs_without_any_cache(tmp_path: Path) -> None:
    done = check(tmp_path, UNUSABLE)
    assert done.returncode == 0, done.stderr
    assert "on 2 examples" in done.stdout
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data.tsv"]


@pytest.mark.slow
def test_a_command_runs_for_a_user_whom_the_system_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(UNKNOWN_USER)
    done = check(tmp_path, {})
    assert done.returncode == 0, done.stderr
    assert "on 2 examples" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.tsv", "site"]


@pytest.mark.slow
def test_the_readmes_commands_run_without_any_cache(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    for command in (
        ("benchmark", "recipe.yaml", "--store", "store"),
        ("results", "--store", "store"),
        ("report", "--store", "store", "--output", "page.html"),
        ("identity", "--model", VICTIM_PATH),
    ):
        done = run("textattack-attend", *command, folder=tmp_path, variables=UNUSABLE)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    assert (tmp_path / "page.html").stat().st_size > 10_000


@pytest.mark.slow
def test_textattack_runs_with_a_cache_folder_alone(tmp_path: Path) -> None:
    """TextAttack makes this folder before it imports anything that could help it."""
    arguments = ("attack", "--recipe", "hackattend", "--model", "attend-demo", "--num-examples", 2)
    own = {**UNUSABLE, "TA_CACHE_DIR": str(tmp_path / "cache")}
    done = run("textattack", *arguments, folder=tmp_path, variables=own)
    assert done.returncode == 0, done.stderr
    assert "Number of successful attacks" in done.stdout
