"""Writes files as wholes: a reader finds the old content or the new one, never a part."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..errors import InvalidInputError

MOST_LINKS = 40
"""The most symbolic links that are followed one after another, as on Linux."""
NEW_FILE = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)  # Windows would change line ends
)
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""The errors of a disk without room, of a quota, and of a limit on the size of a file."""
ADVICE = {
    errno.ENOENT: "make its folder first",
    errno.EISDIR: "name a file in it",
    **dict.fromkeys(NO_ROOM, "make room, or name another place"),
}
"""Advice for errors of the operating system, by number."""


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes a file as a whole or not at all.

    A file that exists is replaced once the new one is complete and on the disk. It keeps its
    permissions and, where possible, its owner. A symbolic link stays, and the file that it names
    is written. A device, a pipe or an open descriptor, as ``/dev/stdout``, is written to directly.

    Raises:
        InvalidInputError: the file cannot be written.
    """
    try:
        target = _followed(os.fspath(path))
        if isinstance(target, int) or _is_stream(target):
            _write_into(target, content)
        else:
            _replace(target, content)
    except (OSError, ValueError) as error:  # a ValueError is a path that no file can have
        number = (error.errno or 0) if isinstance(error, OSError) else 0
        reason = os.strerror(number) if number else error
        advice = ADVICE.get(number, "name another place")
        raise InvalidInputError(f"{path}: cannot be written ({reason}); {advice}") from error


def _followed(path: str) -> str | int:
    """Follows symbolic links to a path, or to the number of an open descriptor.

    A descriptor is not opened again by its path: a second opening would begin at the start of a
    file to which a shell appends the output.
    """
    for _ in range(MOST_LINKS):
        folder, name = os.path.split(path)
        if name.isascii() and name.isdigit() and os.path.realpath(folder) in _descriptor_folders():
            return int(name)
        if not os.path.islink(path):
            return path
        path = os.path.join(folder, os.readlink(path))
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _descriptor_folders() -> tuple[str, ...]:
    return "/dev/fd", f"/proc/{os.getpid()}/fd"


def _is_stream(path: str) -> bool:
    """Returns whether a path names a device, a pipe or a socket."""
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))


def _write_into(target: str | int, content: bytes) -> None:
    own = os.dup(target) if isinstance(target, int) else os.open(target, os.O_WRONLY)
    with _closing(own):
        _write_all(own, content)


def _replace(path: str, content: bytes) -> None:
    """Writes a file beside the path, under a name that nobody can guess, and renames it."""
    before = _status(path)
    folder, name = os.path.split(path)
    unfinished = os.path.join(folder, f".{name[:40]}.{secrets.token_hex(8)}.tmp")
    # The process's umask takes its part of the mode, so a new file is as any other program's.
    mode = 0o666 if before is None else before.st_mode & 0o777
    try:
        own = os.open(unfinished, NEW_FILE, mode)
        with _closing(own):
            if before is not None:
                _take_over(before, own)
            _write_all(own, content)
            os.fsync(own)  # or a power cut after the renaming could leave an empty file
        os.replace(unfinished, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(unfinished)
        raise
    with suppress(OSError):  # there are systems where no folder can be opened
        synchronize(folder or os.curdir)  # or a power cut could undo the renaming


def _status(path: str) -> os.stat_result | None:
    """Returns the status of the file that is to be replaced; None if there is none.

    Raises:
        OSError: the path is a folder, or a file without the permission to write to it.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return status


def _take_over(before: os.stat_result, descriptor: int) -> None:
    """Gives a new file the owner, the group and the permissions of the one that it replaces.

    Where the group cannot be kept, another group must not gain what the former one could do.
    """
    if not hasattr(os, "fchown"):  # Windows
        return
    mode = before.st_mode & 0o777
    try:
        os.fchown(descriptor, before.st_uid, before.st_gid)
    except OSError:
        try:
            os.fchown(descriptor, -1, before.st_gid)
        except OSError:
            mode = mode & ~0o070 | (mode & 0o007) << 3
    with suppress(OSError):  # a file system without permissions
        os.fchmod(descriptor, mode)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


@contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    """Closes a descriptor after the block; an error of closing does not hide one of the block."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        raise
    os.close(descriptor)


def synchronize(path: str | os.PathLike[str]) -> None:
    """Waits until a file, or the list of a folder's files, is on the disk.

    Raises:
        OSError: the path cannot be opened, as a folder on Windows, or cannot be written.
    """
    descriptor = os.open(path, os.O_RDONLY)
    with _closing(descriptor):
        os.fsync(descriptor)
