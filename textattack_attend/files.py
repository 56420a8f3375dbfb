"""Files: their text, and the JSON in it, with a line for what is wrong with them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from .errors import InvalidInputError

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


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
    """Writes a file; one that is there is replaced only once the new one is complete.

    Raises:
        InvalidInputError: it cannot be written.
    """
    unfinished = Path(f"{os.fspath(path)}.{os.getpid()}.tmp")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be written ({error})") from error
    finally:
        unfinished.unlink(missing_ok=True)


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
        return json.loads(text, object_pairs_hook=_fields)
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


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Makes the dictionary of an object, and refuses a name that is given twice."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {twice!r} is named twice")
    return fields
