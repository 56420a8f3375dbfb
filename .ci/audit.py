"""Looks for published vulnerabilities of pinned packages, and fails for those that are not listed.

    python .ci/audit.py PIP_AUDIT CONSTRAINTS ACCEPTED

ACCEPTED has a line for each vulnerability that cannot be mended yet: its id, the package, and why
it is accepted. pip-audit itself ends well if no package could be looked up, so what it could not
audit is counted here. A service that cannot be reached is no vulnerability: that is said, and
nothing fails.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SERVICES = ("pypi", "osv")
"""The services that are asked, until one knows a package: the registry, then a database."""
SECONDS = 300


def main(pip_audit: str, constraints: str, accepted: str) -> int:
    """Prints what was found, and returns 1 for a vulnerability that is not listed, else 0."""
    reasons = read_accepted(Path(accepted))
    failures = []
    for service in SERVICES:
        found = asked(pip_audit, constraints, service)
        if isinstance(found, str):
            failures.append(f"{service}: {found}")
        elif not any("vulns" in package for package in found):
            failures.append(f"{service}: knows none of {len(found)} packages")
        else:
            lines, unlisted = judged(found, reasons)
            print(f"pip-audit ({service}): {lines[0]}", *lines[1:], sep="\n")
            return 1 if unlisted else 0
    print(f"pip-audit: no service could be asked, so nothing was audited ({'; '.join(failures)})")
    return 0


def read_accepted(path: Path) -> dict[str, str]:
    """Returns the reason for each accepted vulnerability, by its id."""
    lines = [line.split(maxsplit=2) for line in path.read_text(encoding="utf-8").splitlines()]
    entries = [line for line in lines if line and not line[0].startswith("#")]
    for entry in entries:
        if len(entry) < 3:
            raise SystemExit(f"{path}: expected `ID PACKAGE REASON`, got {' '.join(entry)!r}")
    return {identifier: f"{package}: {reason}" for identifier, package, reason in entries}


def asked(pip_audit: str, constraints: str, service: str) -> list[dict[str, Any]] | str:
    """Returns what a service knows of each package, or why it could not be asked."""
    command = [pip_audit, "--requirement", constraints, "--no-deps", "--disable-pip"]
    command += ["--vulnerability-service", service, "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} seconds"
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return said[-1][:120]
    return packages


def judged(packages: list[dict[str, Any]], reasons: dict[str, str]) -> tuple[list[str], bool]:
    """Returns lines that say what was found, and whether a vulnerability is not listed."""
    unknown = [package["name"] for package in packages if "vulns" not in package]
    lines = [f"{len(packages) - len(unknown)} packages audited"]
    if unknown:
        lines[0] += f", {len(unknown)} not known to the service: {', '.join(unknown)}"
    unlisted, seen = False, set()
    for package in packages:
        for vulnerability in package.get("vulns", ()):
            names = [vulnerability["id"], *vulnerability.get("aliases", ())]
            listed = [name for name in names if name in reasons]
            seen.update(listed)
            unlisted = unlisted or not listed
            said = f"listed, {reasons[listed[0]]}" if listed else "NOT LISTED"
            fixed = ", ".join(vulnerability.get("fix_versions", ())) or "no version"
            place = f"{package['name']} {package['version']}"
            lines.append(f"{place}: {', '.join(names)}, mended in {fixed}: {said}")
    lines += [f"listed, but not found any more: {name}" for name in reasons if name not in seen]
    return lines, unlisted


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
