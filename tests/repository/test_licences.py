"""The licences of what is embedded and of what is installed are named."""

from __future__ import annotations

import configparser
import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
COPYLEFT = re.compile(r"GPL|General Public|\bMPL|Mozilla|\bEPL|Eclipse|\bEUPL|CDDL|CeCILL|\bOSL")
NOT_EMBEDDED = {".py", ".yaml", ".jinja", ".js", ".css", ".bib", ".typed"}
"""The endings of what this project wrote itself, all data left out."""


def licence_of(package: Distribution) -> str:
    """Returns what the metadata of a package say about its licence."""
    fields = package.metadata
    classifiers = [c for c in fields.get_all("Classifier") or [] if c.startswith("License")]
    # The field may hold a whole licence, which may speak of others.
    named = [
        said[:80]
        for name in ("License-Expression", "License")
        for said in fields.get_all(name) or []
    ]
    return " ".join([*named, *classifiers]).replace("UNKNOWN", "").strip()


def test_copyleft_packages_are_named_with_their_licence() -> None:
    page = (REPOSITORY / "docs" / "licences.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[\w-]+", " ".join(re.findall(r"^\| (.*?) \|", page, re.MULTILINE))))
    pinned = re.findall(r"^([\w.-]+)==", (REPOSITORY / "constraints.txt").read_text(), re.MULTILINE)
    found = {}
    for name in pinned:
        try:
            found[name] = licence_of(distribution(name))
        except PackageNotFoundError:
            continue  # of an extra that is not installed
    assert len(found) > 100
    conditions = {name for name, said in found.items() if COPYLEFT.search(said) or not said}
    assert {"language_tool_python", "Levenshtein", "num2words"} <= conditions
    assert conditions <= named, "docs/licences.md does not name them"


def test_every_embedded_file_has_its_origin_named() -> None:
    page = (REPOSITORY / "licenses" / "THIRD_PARTY.md").read_text(encoding="utf-8")
    package = REPOSITORY / "textattack_attend"
    files = [
        path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    data = [path for path in files if path.suffix not in NOT_EMBEDDED]
    assert {path.name for path in data} >= {"vocab.txt", "model.safetensors", "english"}
    configuration = {"config.json", "tokenizer_config.json", "special_tokens_map.json"}
    for path in data:
        assert path.name in configuration or path.name in page, path
    for licence in re.findall(r"`([\w.-]+\.txt)` \|$", page, re.MULTILINE):
        assert (REPOSITORY / "licenses" / licence).stat().st_size > 1000


def test_licences_are_packaged() -> None:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(REPOSITORY / "setup.cfg")
    assert setup["metadata"]["license_files"].split() == ["LICENSE", "licenses/*"]
