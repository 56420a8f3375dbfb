"""The command `audit` in fresh processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from textattack_attend.demo import REVIEWS_PATH


def audit(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("textattack-attend")
    return subprocess.run(
        [str(command), "audit", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_demo_is_audited(tmp_path: Path) -> None:
    done = audit(tmp_path, "attend-demo", "attend-demo", "--num-examples", "15")
    assert done.returncode == 0, done.stderr
    sentence, *lines = done.stdout.splitlines()
    assert sentence.startswith("HackAttend flips ")
    assert "at most 1% of each attention matrix, or one unit where that is less; deep" in sentence
    assert lines[1].split() == ["|", "attack", "|", "ASR", "|", "queries", "|", "seconds", "|"]
    assert any(line.startswith("example ") for line in lines)
    assert "The page is in audit.html: open it in a browser." in done.stdout
    assert max(map(len, lines)) <= 100
    page = (tmp_path / "audit.html").read_text()
    assert "<h1>Audit of attend-demo</h1>" in page
    assert sentence.replace("'", "&#39;") in page
    assert "no sign that these numbers cannot be trusted" in page
    assert "Accuracy over the budget" in page
    assert "textattack-attend audit attend-demo attend-demo --num-examples 15" in page
    assert "Traceback" not in done.stderr


def test_doubts_come_first_and_end_in_exit_code_1(tmp_path: Path) -> None:
    """The labels are exchanged, so that the victim has nothing right."""
    lines = REVIEWS_PATH.read_text().splitlines()[:3]
    turned = [f"{text}\t{1 - int(label)}" for text, label in (line.split("\t") for line in lines)]
    (tmp_path / "turned.tsv").write_text("sentence\tlabel\n" + "\n".join(turned) + "\n")
    done = audit(tmp_path, "attend-demo", "turned.tsv^sentence,label", "--output", "page.html")
    assert done.returncode == 1
    assert "warning: no example was attacked: the victim has none of 3 right" in done.stderr
    assert done.stdout.startswith("No example was attacked: the victim has none of 3 right.")
    page = (tmp_path / "page.html").read_text()
    assert page.index("Warning:") < page.index("The warnings say why")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("attend-demo", "none.tsv^sst2"), "none.tsv: expected a data file, got none"),
        (("attend-demo", "attend-demo", "--attack", "textfoler"), "did you mean 'textfooler'?"),
        (("attend-demo",), "Missing argument 'DATA'"),
    ],
)
def test_mistakes_are_answered_in_a_line(
    tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    done = audit(tmp_path, *arguments)
    assert done.returncode != 0
    assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
