"""The first sign of life: every command says what it does before two seconds of work are over."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from textattack_attend.commands.common import COMMANDS
from textattack_attend.demo import VICTIM_PATH

DEMO = ("--model", "attend-demo")
DATA = ("--data", f"{VICTIM_PATH.parent / 'reviews.tsv'}^sst2", "--num-examples", "2")
GIVEN = {
    "attack": ("a dull and lifeless film", *DEMO),
    "replay": ("missing.safetensors", *DEMO),
    "audit": ("attend-demo", "demo"),
    "check": (*DEMO, *DATA),
    "robustness": (*DEMO, *DATA),
    "certify": (*DEMO, *DATA),
    "attention": (*DEMO, *DATA, "--opinion-words", str(VICTIM_PATH / "vocab.txt")),
    "benchmark": (),
    "transfer": ("attend-demo", "missing", "--data", "attend-demo"),
    "validate": ("quick",),
    "results": (),
    "report": (),
    "compare": ("a.sqlite", "b.sqlite"),
    "train": ("--task", "sst2", *DEMO, "--data", ".", "--output", "trained"),
    "ls": (),
    "identity": DEMO,
}
SECONDS = 2.0


def test_all_commands_are_here() -> None:
    assert set(GIVEN) == set(COMMANDS)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the time of a process from /proc")
@pytest.mark.parametrize("command", GIVEN)
def test_the_first_sign_comes_before_the_libraries(command: str, tmp_path: Path) -> None:
    """Counted is the time on the CPU, which does not depend on what else the machine does."""
    program = Path(sys.executable).with_name("textattack-attend")
    with subprocess.Popen(
        [program, command, *GIVEN[command]],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        (first, *_), _, _ = select.select([process.stdout, process.stderr], [], [], 120)
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        said = os.read(first.fileno(), 100)
        process.kill()
    assert said
    assert sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK") < SECONDS
