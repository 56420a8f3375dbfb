"""The audit of the pinned versions: what fails it, and what it says when nobody answers."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
CLEAN: dict[str, Any] = {"name": "tqdm", "version": "4.70.1", "vulns": []}
FOUND: dict[str, Any] = {
    "name": "jinja2",
    "version": "3.1.6",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["3.2"], "description": ""}],
}
UNKNOWN = {"name": "torch", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def audit(folder: Path, answers: dict[str, Any], accepted: str = "") -> int:
    """Runs the audit with a program that prints what pip-audit prints for each service."""
    (folder / "answers.json").write_text(json.dumps(answers))
    program = folder / "pip-audit"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, sys\n"
        f"answers = json.load(open({str(folder / 'answers.json')!r}))\n"
        "answer = answers[sys.argv[sys.argv.index('--vulnerability-service') + 1]]\n"
        "if isinstance(answer, str):\n"
        "    sys.exit(f'Traceback\\n{answer}')\n"
        "print(json.dumps({'dependencies': answer, 'fixes': []}))\n"
        "sys.exit(any(package.get('vulns') for package in answer))\n"
    )
    program.chmod(0o755)
    (folder / "accepted.txt").write_text(f"# a comment\n\n{accepted}")
    spec = importlib.util.spec_from_file_location("audit", REPOSITORY / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    code: int = module.main(str(program), "constraints.txt", str(folder / "accepted.txt"))
    return code


def test_a_vulnerability_that_is_not_listed_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(tmp_path, {"pypi": [CLEAN, FOUND, UNKNOWN]}) == 1
    assert capsys.readouterr().out.splitlines() == [
        "pip-audit (pypi): 2 packages audited, 1 not known to the service: torch",
        "jinja2 3.1.6: PYSEC-1, CVE-1, mended in 3.2: NOT LISTED",
    ]


def test_a_listed_one_is_named_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An entry counts by any of its names; one that is not needed any more is reported."""
    accepted = "CVE-1 jinja2 no release mends it\nPYSEC-2 torch old\n"
    assert audit(tmp_path, {"pypi": [CLEAN, FOUND]}, accepted) == 0
    assert capsys.readouterr().out.splitlines() == [
        "pip-audit (pypi): 2 packages audited",
        "jinja2 3.1.6: PYSEC-1, CVE-1, mended in 3.2: listed, jinja2: no release mends it",
        "listed, but not found any more: PYSEC-2",
    ]


@pytest.mark.parametrize("first", [[UNKNOWN], "ConnectionError: no route"], ids=["knows", "down"])
def test_another_service_is_asked_if_the_first_knows_nothing(
    first: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(tmp_path, {"pypi": first, "osv": [FOUND]}) == 1
    assert capsys.readouterr().out.startswith("pip-audit (osv): 1 packages audited\n")


def test_no_service_is_one_line_and_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(tmp_path, {"pypi": [UNKNOWN, UNKNOWN], "osv": "ConnectionError: no route"}) == 0
    assert capsys.readouterr().out == (
        "pip-audit: no service could be asked, so nothing was audited (pypi: knows none of 2 "
        "packages; osv: ConnectionError: no route)\n"
    )


def test_an_entry_without_a_reason_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="expected `ID PACKAGE REASON`, got 'CVE-1 jinja2'"):
        audit(tmp_path, {"pypi": [CLEAN]}, "CVE-1 jinja2\n")


def test_what_is_listed_is_pinned_and_has_a_reason() -> None:
    lines = (REPOSITORY / ".ci" / "accepted-vulnerabilities.txt").read_text().splitlines()
    pinned = (REPOSITORY / "constraints.txt").read_text().lower()
    entries = [line.split(maxsplit=2) for line in lines if not line.startswith("#")]
    assert entries
    for _, package, reason in entries:
        assert f"\n{package}==" in pinned
        assert len(reason) > 20
