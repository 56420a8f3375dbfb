"""The files of a release, and the pages that name what the code has, agree with the code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from textattack_attend import PUBLIC, __version__

ROOT = Path(__file__).parents[2]
PATCHES = {"patch", "patch_class_method"}


def patched() -> set[str]:
    """Returns every method of TextAttack that `register` wraps, as ``Class.method``."""
    source = (ROOT / "textattack_attend" / "host" / "register.py").read_text(encoding="utf-8")
    found: set[str] = set()
    loops: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=ast.Tuple(elements)):
                loops[name] = [ast.unparse(element) for element in elements]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.For(target=ast.Name(name), iter=ast.Tuple(elements)):
                loops[name] = [ast.unparse(element) for element in elements]
            case ast.For(target=ast.Name(name), iter=ast.Name(table)):
                loops[name] = loops[table]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Name(call), args=[ast.Name(owner), ast.Constant(str() as method), _]
            ) if call in PATCHES:
                found |= {f"{one}.{method}" for one in loops.get(owner, [owner])}
    return found


def test_the_page_for_users_of_textattack_names_every_change() -> None:
    page = (ROOT / "docs" / "coming-from-textattack.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+\.\w+)`", page))
    assert len(patched()) > 15
    assert patched() <= named


def test_the_reference_has_every_public_name() -> None:
    page = (ROOT / "docs" / "reference" / "api" / "public.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(PUBLIC)


def test_a_release_has_one_version() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest, date = re.findall(r"^## (\S+) \((\S+)\)$", changes, re.MULTILINE)[0]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert newest == citation["version"] == __version__
    assert date == citation["date-released"]
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


@pytest.mark.parametrize("name", ["bug", "feature", "question"])
def test_a_form_asks_for_something(name: str) -> None:
    path = ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml"
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(form)
    assert any(part.get("validations", {}).get("required") for part in form["body"])


SITE = {
    "index.html": '<a href="sub/page.html#here">a</a><a href="https://example.org/x">b</a>',
    "sub/page.html": '<p id="here"></p><a href="../index.html">c</a><a href="#here">d</a>',
}
MISTAKES = {
    "missing.html": "no such file",
    "sub/page.html#there": "no such heading",
    "#there": "no such heading",
    "../../etc/passwd": "no such file",
    "http://example.org": "not an address with https",
    "https://localhost": "not an address with https",
}


def checked(folder: Path, site: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Writes the pages of a site, and checks its links."""
    for name, content in site.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    script = str(ROOT / "docs" / "check_links.py")
    command = [sys.executable, script, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_good_links_are_counted(tmp_path: Path) -> None:
    done = checked(tmp_path, SITE)
    assert (done.returncode, done.stdout.split("\n")[0]) == (0, "4 links, 0 lead nowhere")


@pytest.mark.parametrize(("link", "reason"), MISTAKES.items())
def test_a_link_that_leads_nowhere_is_named(link: str, reason: str, tmp_path: Path) -> None:
    done = checked(tmp_path, SITE | {"index.html": f'<a href="{link}">a</a>'})
    assert done.returncode == 1
    assert f"index.html: {link} ({reason})" in done.stdout
