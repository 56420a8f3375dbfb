"""Files: their text, and the JSON in it, with a line for what is wrong with them."""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import InvalidInputError, described

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
MOST_LINKS = 40
"""The most symbolic links that are followed one after another, as on Linux."""
NEW_FILE = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)  # Windows would change line ends
)
ADVICE = {
    errno.ENOENT: "make its folder first",
    errno.EISDIR: "name a file in it",
    errno.ENOSPC: "make room, or name another place",
}
"""What to do about an error of the operating system."""


KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
"""What a path may be instead of a file; everything else is a device."""


def content_of(path: Path, largest: int | None = None) -> bytes:
    """Reads a whole file.

    Only regular files are read: a pipe may keep its reader waiting, and a device may never end.

    Args:
        path: the path of the file.
        largest: the most bytes that the file may have; by default any number.

    Raises:
        InvalidInputError: the file cannot be read, is too large, or is no regular file.
    """
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
        if kind != stat.S_IFREG:
            raise InvalidInputError(
                f"{path}: expected a regular file, got {KINDS.get(kind, 'a device')}; write its "
                "content to a file"
            )
        with path.open("rb") as file:
            content = file.read(-1 if largest is None else largest + 1)
    except InvalidInputError:
        raise
    except (OSError, ValueError, MemoryError) as error:  # a path with a NUL is a ValueError
        said = str(error) or "it does not fit into memory"
        raise InvalidInputError(f"{path}: cannot be read ({said})") from error
    if largest is not None and len(content) > largest:
        raise InvalidInputError(
            f"{path}: expected a file of at most {largest:,} bytes, got {path.stat().st_size:,}"
        )
    return content


def text_of(path: Path, largest: int | None = None) -> str:
    """Reads a whole file of text; its line ends are left as they are.

    Args:
        path: the path of the file.
        largest: the most bytes that the file may have; by default any number.

    Raises:
        InvalidInputError: the file cannot be read, is too large, is no regular file, or is not text
            in UTF-8.
    """
    content = content_of(path, largest)
    if content.startswith(UTF_16_MARKS):
        raise InvalidInputError(f"{path}: expected text in UTF-8, got UTF-16; save it as UTF-8")
    if b"\0" in content:
        raise InvalidInputError(
            f"{path}: line {_line_at(content, content.index(0))}: expected text in UTF-8, got a "
            "NUL byte; save it as UTF-8 if it is UTF-16, or take the text file if it is a binary"
        )
    try:
        return content.decode("utf-8-sig")  # spreadsheets begin a file with a mark
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{path}: line {_line_at(content, error.start)}: expected text in UTF-8, got the byte "
            f"0x{content[error.start]:02x}; save it as UTF-8"
        ) from error


def lines_of(path: Path) -> list[str]:
    """Reads the lines of a file; see `lines_in`.

    Raises:
        InvalidInputError: the file cannot be read, or is not text in UTF-8.
    """
    return lines_in(text_of(path))


def lines_in(text: str) -> list[str]:
    """Splits a text into lines, which end with a newline or with a carriage return and a newline.

    Texts of examples may hold the other characters that end a line in Unicode.
    """
    lines = text.removesuffix("\n").split("\n") if text else []
    return [line.removesuffix("\r") for line in lines]


def _line_at(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes a file as a whole or not at all.

    A file that is there is replaced once the new one is complete and on the disk. It keeps its
    permissions and, where possible, its owner. A symbolic link stays, and the file that it names
    is written. A device, a pipe or an open descriptor, as ``/dev/stdout``, is written to.

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
    """Follows symbolic links to their end: a path, or the number of an open descriptor.

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
    """Whether a path names a device, a pipe or a socket."""
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
    _sync_folder(folder or os.curdir)


def _status(path: str) -> os.stat_result | None:
    """Returns the status of the file that is to be replaced; None if there is none.

    Raises:
        OSError: there is a folder, or a file without the permission to write to it.
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
    """Closes a descriptor; an error inside the block is not hidden by one of the closing."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        raise
    os.close(descriptor)


def _sync_folder(folder: str) -> None:
    """Puts a renaming on the disk, on systems where a folder can be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        with _closing(descriptor):
            os.fsync(descriptor)


def parsed(text: str, path: Path, first_line: int) -> Any:
    """Parses JSON.

    Args:
        text: the text of the file from the first line on.
        path: the path of the file, which messages name.
        first_line: the number of the first line, counted from 1.

    Raises:
        InvalidInputError: the text is no JSON, or an object names a field twice.
    """
    try:
        return json.loads(text, object_pairs_hook=unique_fields)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise InvalidInputError(
            f"{path}: line {line}: expected JSON, got an error at column {error.colno} "
            f"({error.msg}); is the file complete?"
        ) from error
    except RecursionError as error:
        raise InvalidInputError(
            f"{path}: line {first_line}: expected JSON of a few levels, got one too deep to read"
        ) from error
    except ValueError as error:  # a field that is named twice, or a number of thousands of digits
        raise InvalidInputError(
            f"{path}: line {first_line}: expected JSON that can be read, got an error ({error})"
        ) from error


def unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Makes the dictionary of a JSON object.

    Raises:
        ValueError: a name is given twice.
    """
    fields = dict(pairs)
    if len(fields) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the field {described(twice)} is named twice")
    return fields
