"""Reads files and their text, and says in one line what is wrong with a file."""

from __future__ import annotations

import stat
from pathlib import Path

from ..errors import InvalidInputError

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
"""Names of what a path may be instead of a file; everything else is a device."""


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
        require_regular(path)
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


def require_regular(path: Path) -> None:
    """Refuses a path that is no regular file before it is opened, as opening may wait for ever.

    Raises:
        InvalidInputError: the path is a folder, a pipe, a socket or a device.
        OSError: there is nothing at the path.
    """
    kind = stat.S_IFMT(path.stat().st_mode)
    if kind != stat.S_IFREG:
        raise InvalidInputError(
            f"{path}: expected a regular file, got {KINDS.get(kind, 'a device')}; write its "
            "content to a file"
        )


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
