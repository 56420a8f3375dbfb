"""Runs the blocks of a page of the documentation in the working folder, one after another.

Blocks of Python share their names. A block that fails ends the page, and is named.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

FENCE = re.compile(r"^```(sh|python)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block, its language, and the number of the line where it begins."""

    language: str
    code: str
    line: int


def blocks_of(page: str) -> list[Block]:
    """Returns the blocks of a page that are run, in order."""
    return [
        Block(found[1], found[3], page[: found.start()].count("\n") + 2)
        for found in FENCE.finditer(page)
        if found[2].split() != ["not-run"]
    ]


def run(path: Path) -> None:
    """Runs the blocks of a page."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks_of(path.read_text(encoding="utf-8")):
        sys.stderr.write(f"{path.name}, line {block.line}: {block.language}\n")
        if block.language == "sh":
            subprocess.run(["bash", "-euo", "pipefail", "-c", block.code], check=True)
        else:  # lines of a traceback are those of the page
            code = "\n" * (block.line - 1) + block.code
            exec(compile(code, str(path), "exec"), names)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
