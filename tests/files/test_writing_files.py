"""Writing a file: all of it or nothing, where and as the user has the file."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from textattack_attend.errors import InvalidInputError
from textattack_attend.files import write_whole
from textattack_attend.identity import Identity
from textattack_attend.structures import SavedStructure, Shape, Structure, load, save

from ..helpers.stored_results import results_of, row
from ..trials.trial import CommandRefusedError, command

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has other permissions")

OLD, NEW = b"the old content", b"the new content"
ORDINARY = 65534
VICTIM = Identity("bert", {"weights": "0", "configuration": "1", "tokenizer": "2"}, {})


def old(path: Path, mode: int = 0o644) -> Path:
    path.write_bytes(OLD)
    path.chmod(mode)
    return path


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refusal(path: str | Path, content: bytes = NEW) -> str:
    """The line in which a write is refused."""
    with pytest.raises(InvalidInputError) as refused:
        write_whole(path, content)
    line = str(refused.value)
    assert "\n" not in line
    assert line.startswith(f"{path}: cannot be written (")
    return line


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Inside, no file can become larger, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """A folder of an ordinary user's; inside, the process is that user's, if it is root's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid():
            yield folder
            return
        os.chown(folder, ORDINARY, ORDINARY)
        groups = os.getgroups()
        os.setgroups([])
        os.setegid(ORDINARY)
        os.seteuid(ORDINARY)
        try:
            if not os.access(folder, os.W_OK, effective_ids=True):
                pytest.skip("the folder for temporary files is closed to other users")
            yield folder
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(groups)


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A device that is always full. Root gets its own, as a mistake would replace the system's."""
    if os.geteuid():
        if not Path("/dev/full").is_char_device():
            pytest.skip("the system has no /dev/full")
        return Path("/dev/full")
    path = tmp_path / "full"
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        os.close(os.open(path, os.O_WRONLY))
    except OSError:
        pytest.skip("devices cannot be made here")
    return path


# --- permissions and owner ---


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o666, 0o755], ids="{:o}".format)
def test_a_file_keeps_its_permissions(mode: int, tmp_path: Path) -> None:
    path = old(tmp_path / "file", mode)
    with umask(0o027):
        write_whole(path, NEW)
    assert (path.read_bytes(), mode_of(path)) == (NEW, mode)


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077], ids="{:o}".format)
def test_a_new_file_has_the_permissions_of_any_other_new_file(mask: int, tmp_path: Path) -> None:
    with umask(mask):
        write_whole(tmp_path / "file", NEW)
        (tmp_path / "other").touch()
    assert mode_of(tmp_path / "file") == mode_of(tmp_path / "other") == 0o666 & ~mask


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_leaves_a_file_to_its_owner(tmp_path: Path) -> None:
    path = old(tmp_path / "file", 0o640)
    os.chown(path, 1234, 1235)
    write_whole(path, NEW)
    status = path.stat()
    assert (status.st_uid, status.st_gid, mode_of(path)) == (1234, 1235, 0o640)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of another user's")
def test_another_group_does_not_gain_what_the_former_one_could_do() -> None:
    with ordinary_user() as folder:
        path = folder / "file"
        os.seteuid(0)
        os.chown(old(path, 0o662), 1234, 1235)  # everybody may write to it
        os.seteuid(ORDINARY)
        write_whole(path, NEW)
        assert (path.stat().st_uid, mode_of(path)) == (ORDINARY, 0o622)


def test_a_file_without_the_permission_to_write_is_left_alone() -> None:
    with ordinary_user() as folder:
        path = old(folder / "file", 0o444)
        assert "Permission denied" in refusal(path)
        assert (path.read_bytes(), mode_of(path)) == (OLD, 0o444)
        assert list(folder.iterdir()) == [path]


# --- links ---


def test_a_link_stays_and_its_file_is_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    path = old(tmp_path / "folder" / "file", 0o600)
    (tmp_path / "folder" / "second").symlink_to("file")
    link = tmp_path / "link"
    link.symlink_to("folder/second")
    write_whole(link, NEW)
    assert link.is_symlink()
    assert (tmp_path / "folder" / "second").is_symlink()
    assert not path.is_symlink()
    assert (path.read_bytes(), mode_of(path)) == (NEW, 0o600)
    assert sorted(one.name for one in path.parent.iterdir()) == ["file", "second"]


def test_a_link_to_nothing_creates_what_it_names(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("file")
    write_whole(link, NEW)
    assert link.is_symlink()
    assert (tmp_path / "file").read_bytes() == NEW


def test_a_circle_of_links_is_refused(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / one).symlink_to(other)
    assert "links" in refusal(tmp_path / "a")
    assert all((tmp_path / name).is_symlink() for name in "ab")


def test_nobody_can_foresee_the_unfinished_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link under that name, in a folder that others write to, would have another file written."""
    names: list[str] = []
    rename = os.replace

    def renamed(before: str, after: str) -> None:
        names.append(before)
        rename(before, after)

    monkeypatch.setattr(os, "replace", renamed)
    for _ in range(2):
        write_whole(tmp_path / "file", NEW)
    assert len(set(names)) == 2
    assert {Path(name).parent for name in names} == {tmp_path}
    precious = old(tmp_path / "precious")
    monkeypatch.setattr("secrets.token_hex", lambda size: "guessed")
    (tmp_path / ".file.guessed.tmp").symlink_to(precious)
    assert "exists" in refusal(tmp_path / "file")
    assert precious.read_bytes() == OLD


# --- devices, pipes, descriptors ---


def test_a_full_device_stays_and_says_so(full: Path) -> None:
    assert "No space left on device" in refusal(full)
    assert full.is_char_device()


def test_a_link_to_a_device_is_written_to(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    write_whole(link, NEW)
    assert link.is_symlink()
    assert link.is_char_device()


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(path, NEW)
        assert os.read(reader, 100) == NEW
        assert path.is_fifo()
    finally:
        os.close(reader)


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="the system has no /dev/fd")
def test_an_open_pipe_is_written_to() -> None:
    """A shell names the pipe of a process substitution so."""
    reader, writer = os.pipe()
    try:
        write_whole(f"/dev/fd/{writer}", NEW)
        assert os.read(reader, 100) == NEW
    finally:
        os.close(reader)
        os.close(writer)


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="the system has no /dev/fd")
def test_an_open_file_is_appended_to(tmp_path: Path) -> None:
    path = old(tmp_path / "file")
    with path.open("ab") as file:
        for _ in range(2):
            write_whole(f"/dev/fd/{file.fileno()}", NEW)
    assert path.read_bytes() == OLD + NEW + NEW


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="the system has no /dev/fd")
def test_a_descriptor_that_is_closed_is_refused() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    assert "Bad file descriptor" in refusal(f"/dev/fd/{writer}")


# --- failures ---


def test_places_where_no_file_can_be(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert refusal(tmp_path / "folder").endswith("(Is a directory); name a file in it")
    assert refusal(tmp_path / "missing" / "file").endswith("; make its folder first")
    assert "Not a directory" in refusal(old(tmp_path / "file") / "in it")
    assert "too long" in refusal(tmp_path / ("n" * 256))
    assert "null" in refusal(f"{tmp_path}/a\0b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_name_may_be_as_long_as_the_system_takes_it(tmp_path: Path) -> None:
    for letter, count in (("n", 255), ("é", 127), ("名", 85)):
        path = tmp_path / (letter * count)
        write_whole(path, NEW)
        assert path.read_bytes() == NEW


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, ""), KeyboardInterrupt()], ids=repr)
def test_a_failure_leaves_the_old_file_and_nothing_else(
    failing: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    path = old(tmp_path / "file", 0o640)
    with monkeypatch.context() as patched:
        patched.setattr(os, failing, fail)
        with pytest.raises((InvalidInputError, KeyboardInterrupt)):
            write_whole(path, NEW)
    assert (path.read_bytes(), mode_of(path)) == (OLD, 0o640)
    assert list(tmp_path.iterdir()) == [path]


def test_the_first_error_is_the_one_that_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(number: int, then: Callable[..., object] = lambda *_: None) -> Callable[..., None]:
        def fail(*arguments: object) -> None:
            then(*arguments)
            raise OSError(number, os.strerror(number))

        return fail

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", failing(errno.ENOSPC))
        patched.setattr(os, "close", failing(errno.EIO, os.close))
        patched.setattr(os, "unlink", failing(errno.EACCES))
        assert "No space left on device" in refusal(tmp_path / "file")


def test_the_content_is_on_the_disk_before_the_file_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, int]] = []
    sync, rename = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        done.append(("sync", os.fstat(descriptor).st_ino))
        sync(descriptor)

    def renamed(before: str, after: str) -> None:
        done.append(("rename", os.stat(before).st_ino))
        assert Path(before).read_bytes() == NEW
        rename(before, after)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", renamed)
    path = old(tmp_path / "file")
    write_whole(path, NEW)
    own, folder = path.stat().st_ino, tmp_path.stat().st_ino
    assert done == [("sync", own), ("rename", own), ("sync", folder)]


# --- commands ---


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from textattack_attend.benchmark import Store

    path = tmp_path_factory.mktemp("store") / "store.sqlite"
    rows = [replace(row(number, "failed"), text="film " * 200) for number in range(400)]
    results_of(Store(path), {("victim", "attack", "checkpoint"): rows})
    return path


def saving(path: Path, units: int) -> None:
    shape = Shape(1, 1, 100)
    cells = [(0, 0, unit // 100, unit % 100) for unit in range(units)]
    save(SavedStructure(Structure.from_units(shape, cells), "a film", VICTIM), path)


def test_a_full_disk_keeps_the_old_structure_file(tmp_path: Path) -> None:
    path = tmp_path / "structure.safetensors"
    saving(path, 3)
    with room_for(2000), pytest.raises(InvalidInputError, match=r"cannot be written \(File too"):
        saving(path, 1000)
    assert len(load(path).structure) == 3
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["report", "results"])
def test_a_full_disk_keeps_what_a_command_wrote_before(
    name: str, store: Path, tmp_path: Path
) -> None:
    path = old(tmp_path / "page.html", 0o640)
    with room_for(40_000), pytest.raises(CommandRefusedError, match=r"page.html: cannot be"):
        command(name, "--store", store, "--output", path, *_large(name))
    assert (path.read_bytes(), mode_of(path)) == (OLD, 0o640)
    assert list(tmp_path.iterdir()) == [path]


def _large(name: str) -> list[str]:
    return ["--title", "long " * 20_000] if name == "report" else ["--table", "rows"]


def test_a_command_writes_to_a_device(store: Path, full: Path) -> None:
    with pytest.raises(CommandRefusedError, match="No space left on device"):
        command("results", "--store", store, "--output", full)
    assert full.is_char_device()
    assert command("results", "--store", store, "--output", "/dev/null") == ""


# --- standard output, in processes of their own ---


PRINT = """
import sys
from textattack_attend.process.standard_output import whole_output
with whole_output():
    {do}
"""


def python(do: str, standard_output: int | None) -> subprocess.CompletedProcess[str]:
    """Runs Python; None closes its standard output."""
    return subprocess.run(
        [sys.executable, "-c", PRINT.format(do=do)],
        stdout=standard_output,
        preexec_fn=partial(os.close, 1) if standard_output is None else None,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.fixture
def full_output(full: Path) -> Iterator[int]:
    descriptor = os.open(full, os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def unread_output() -> Iterator[int]:
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_full_standard_output_is_an_error_of_ours(size: int, full_output: int) -> None:
    done = python(f"print('a' * {size})", full_output)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "textattack_attend.process.standard_output.StandardOutputError: standard output: cannot be "
        "written (No space left on device); make room, or print elsewhere"
    )
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_pipe_that_nobody_reads_ends_silently(size: int, unread_output: int) -> None:
    done = python(f"print('a' * {size})", unread_output)
    assert (done.returncode, done.stderr) == (1, "")


def test_nothing_is_printed_where_standard_output_is_closed() -> None:
    done = python("print('a')", None)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("output", [subprocess.DEVNULL, None], ids=["open", "closed"])
@pytest.mark.parametrize("do", ["open('/no/such/file')", "raise OSError(28, 'another disk')"])
def test_an_error_of_another_file_stays_as_it_is(do: str, output: int | None) -> None:
    done = python(do, output)
    assert done.returncode == 1
    assert "StandardOutputError" not in done.stderr
    assert "Error: [Errno " in done.stderr.splitlines()[-1]


SCRIPT = Path(sys.executable).with_name("textattack-attend")


def test_a_command_with_a_full_standard_output_says_so_in_one_line(
    store: Path, full_output: int
) -> None:
    for arguments in (["--help"], ["results", "--store", store, "--table", "rows"]):
        done = subprocess.run(
            [SCRIPT, *arguments], stdout=full_output, stderr=subprocess.PIPE, text=True, check=False
        )
        assert done.returncode == 1
        *progress, line = done.stderr.splitlines()
        assert line == (
            "Error: standard output: cannot be written (No space left on device); make room, or "
            "print elsewhere"
        )
        assert set(progress) <= {"loading the libraries"}


def test_a_command_whose_output_nobody_reads_ends_silently(store: Path, unread_output: int) -> None:
    done = subprocess.run(
        [SCRIPT, "results", "--store", store, "--table", "rows"],
        stdout=unread_output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "loading the libraries\n")


@pytest.mark.slow
def test_textattack_with_a_full_standard_output_says_so_in_one_line(full_output: int) -> None:
    script = Path(sys.executable).with_name("textattack")
    arguments = [
        "attack",
        "--recipe",
        "hackattend",
        "--model",
        "attend-demo",
        "--num-examples",
        "1",
    ]
    done = subprocess.run(
        [script, *arguments], stdout=full_output, stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(
        "textattack: error: standard output: cannot be written (No space left on device)"
    )
