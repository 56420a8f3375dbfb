"""Files: their text, and the JSON in it, with a line for what is wrong with them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .errors import InvalidInputError


def text_of(path: Path) -> str:
    """All of a file.

    Raises:
        InvalidInputError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")  # spreadsheets begin a file with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path}: cannot be read ({error})") from error


def lines_of(path: Path) -> list[str]:
    """The lines of a file, which a newline ends; texts may hold what else Unicode ends lines with.

    Raises:
        InvalidInputError: it cannot be read.
    """
    text = text_of(path)
    return text.removesuffix("\n").split("\n") if text else []


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file; one that is there is replaced only once the new one is complete.

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
    """What JSON says.

    Args:
        text: of the file, from that line on.
        path: of the file.
        first_line: counted from 1.

    Raises:
        InvalidInputError: it is no JSON.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise InvalidInputError(
            f"{path}: line {line}: expected JSON, got an error at column {error.colno} "
            f"({error.msg}); is the file complete?"
        ) from error
