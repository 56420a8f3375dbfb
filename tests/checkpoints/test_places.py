"""Where a checkpoint is: what is nowhere is said at once, with and without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants
from transformers.utils import hub

from textattack_attend.checkpoints import places
from textattack_attend.checkpoints.places import findable, require_possible
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.errors import InvalidInputError

from ..helpers.adapter_folders import adapter_of_the_demo, rewrite

ROOT = Path(__file__).parents[2]
DEMO = "attend-demo"
DEAD = "http://127.0.0.1:9"
"""An address at which nobody answers."""


def outside(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a fresh process that asks a hub, which the tests forbid otherwise."""
    own = {k: v for k, v in os.environ.items() if not k.endswith("_OFFLINE")}
    own |= {"PYTHONPATH": str(ROOT), "HF_HOME": str(folder / "cache"), **variables}
    code = "import sys; from textattack_attend.commands.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=own,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@contextmanager
def a_hub() -> Iterator[str]:
    """A hub on this machine that has nothing, and says so."""

    class Nothing(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:  # the library names it
            self.send_response(404)
            self.end_headers()

        do_GET = do_HEAD

        def log_message(self, format: str, *values: object) -> None:
            del format, values

    with ThreadingHTTPServer(("127.0.0.1", 0), Nothing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may ask the hub, at an address where nobody answers."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", DEAD)
    places._hub_answers.cache_clear()


def test_a_file_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(InvalidInputError, match=r"expected the folder of a checkpoint, got a file"):
        require_possible(str(tmp_path / "model.safetensors"))


@pytest.mark.parametrize("name", ["./victms", "/nowhere/victms", "a/b/c", "~/victms", "a b", ""])
def test_a_path_at_which_there_is_nothing_is_no_name(name: str) -> None:
    with pytest.raises(InvalidInputError, match="got a path at which there is nothing"):
        require_possible(name)


@pytest.mark.parametrize("name", ["bert-base-uncased", "microsoft/mpnet-base", "attend-demo"])
def test_a_name_may_be_on_the_hub(name: str) -> None:
    require_possible(name)


def test_a_folder_of_a_similar_name_is_proposed(
    tmp_path: Path, online: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "victims").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("./victms", "victms"):
        with pytest.raises(InvalidInputError, match=r"did you mean 'victims'\?"), findable(name):
            pass


def test_a_hub_that_does_not_answer_is_asked_once(online: None) -> None:
    begun = time.monotonic()
    for _ in range(3):
        with (
            pytest.raises(InvalidInputError, match=f"no such folder here, and {DEAD} does not ans"),
            findable("bert-base-uncasedd"),
        ):
            pass
    assert time.monotonic() - begun < places.SECONDS


def test_a_hub_that_answers_is_left_to_the_libraries(
    online: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_hub() as address:
        monkeypatch.setattr(constants, "ENDPOINT", address)
        with findable("bert-base-uncasedd"):
            assert not constants.HF_HUB_OFFLINE


def test_what_was_downloaded_is_read_without_the_hub(
    online: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "models--some--model" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps({}))
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("a" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    before = getattr(hub, "_is_offline_mode", None)
    with findable("some/model"):
        assert constants.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE
    assert getattr(hub, "_is_offline_mode", None) in (before, False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["attack", "--recipe", "hackattend", "--model", "NAME", "a good film"],
        ["attack", "--recipe", "hackattend", "--model-from-huggingface", "NAME", "--data", DEMO],
    ],
    ids=["a sentence", "a data set"],
)
def test_a_mistyped_name_without_a_network_is_said_soon(command: list[str], tmp_path: Path) -> None:
    """The libraries alone try for 23 seconds for each of the several files."""
    named = [word.replace("NAME", "bert-base-uncasedd") for word in command]
    begun = time.monotonic()
    done = outside(tmp_path, *named, HF_ENDPOINT=DEAD)
    assert done.returncode, done.stdout
    assert "Traceback" not in done.stderr
    assert f"there is no such folder here, and {DEAD} does not answer" in done.stderr
    assert "Retrying" not in done.stderr
    assert time.monotonic() - begun < 120  # most of it are imports on a busy machine


def downloaded(cache: Path, name: str, folder: Path) -> None:
    """Puts a checkpoint where the hub's library keeps what it has downloaded."""
    place = cache / f"models--{name.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("a" * 40)
    shutil.copytree(folder, place / "snapshots" / ("a" * 40))


@pytest.mark.slow
def test_an_adapter_of_the_hub_and_its_model_are_read_from_the_cache(tmp_path: Path) -> None:
    """Without a network the libraries alone would try for a minute and a half."""
    adapter_of_the_demo(tmp_path / "adapter")
    own = outside(tmp_path, "identity", "--model", "adapter")
    rewrite(tmp_path / "adapter", base_model_name_or_path="some/base")
    cache = tmp_path / "cache" / "hub"
    downloaded(cache, "some/base", VICTIM_PATH)
    downloaded(cache, "some/adapter", tmp_path / "adapter")
    done = outside(tmp_path, "identity", "--model", "some/adapter", HF_ENDPOINT=DEAD)
    assert done.stdout.startswith("identity")
    assert done.stdout == own.stdout
    assert "Retrying" not in done.stderr
