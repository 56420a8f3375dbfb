"""The entry point in an environment of its own: nothing that becomes of the clone breaks torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT_FROM = (
    *("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE", "licenses"),
    *("_textattack_attend_plugin.py", "textattack_attend"),
)
NLTK_DATA = ROOT / "textattack_attend" / "host" / "nltk_data"
"""The data without which TextAttack cannot be imported, as no test may download them."""
GOES_ON = "textattack_attend could not extend TextAttack, which goes on without it: "
KNOWN = "from textattack.attack_args import ATTACK_RECIPE_NAMES as n; print('hackattend' in n)"

pytestmark = pytest.mark.slow


def copy_of_the_clone(folder: Path) -> Path:
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


class Installed:
    """A clone in the folder ``textattack_attend`` and an environment that it is installed into."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.parent = folder
        self.clone = copy_of_the_clone(folder / "textattack_attend")
        self.python = folder / "venv" / "bin" / "python"
        venv.create(folder / "venv")
        self.modules = next((folder / "venv").glob("lib/python*/site-packages"))
        # The dependencies are those of the environment that runs the tests.
        (self.modules / "needed.pth").write_text(sysconfig.get_path("purelib"))
        pip = ("pip", "install", "--quiet", "--no-deps", "--no-build-isolation")
        done = self.run("-m", *pip, *options, str(self.clone), folder=folder)
        assert done.returncode == 0, done.stderr

    def run(
        self, *arguments: str, folder: Path, program: str = "python"
    ) -> subprocess.CompletedProcess[str]:
        inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        return subprocess.run(
            [str(self.python.with_name(program)), *arguments],
            env={**inherited, "NLTK_DATA": str(NLTK_DATA)},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )


def lines_about_us(error: str) -> Sequence[str]:
    return [line for line in error.splitlines() if "textattack_attend" in line]


@pytest.fixture(scope="module")
def editable(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("editable"), "--editable")


def test_the_entry_point_is_a_file_of_the_environment(editable: Installed) -> None:
    entry_point = "_textattack_attend_plugin.py"
    copied = editable.modules / entry_point
    assert copied.read_bytes() == (ROOT / entry_point).read_bytes()
    assert not (editable.modules / "textattack_attend").exists()
    code = "import torch, sys; print(sys.modules['_textattack_attend_plugin'].__file__)"
    done = editable.run("-c", code, folder=editable.modules)
    assert done.stdout.strip() == str(copied)


def test_an_editable_install_extends_textattack(editable: Installed, tmp_path: Path) -> None:
    done = editable.run("-c", KNOWN, folder=tmp_path)
    assert done.stdout.strip().endswith("True"), done.stderr
    assert not lines_about_us(done.stderr)


def test_from_the_parent_folder_of_the_clone(editable: Installed) -> None:
    """Python takes the clone, which is named as the package, for a package without files."""
    assert editable.run("-c", "import torch", folder=editable.parent).returncode == 0
    done = editable.run("-m", "textattack", "--help", folder=editable.parent)
    assert done.returncode == 0, done.stderr
    assert "attack-resume" in done.stdout
    expected = f"{editable.clone} has the name of the package; work in another folder"
    assert lines_about_us(done.stderr) == [f"{GOES_ON}the folder {expected}"]


@pytest.mark.parametrize("content", ["raise RuntimeError('it was executed')", "import textattack"])
def test_with_a_file_of_the_packages_name_in_the_working_folder(
    content: str, editable: Installed, tmp_path: Path
) -> None:
    file = tmp_path / "textattack_attend.py"
    file.write_text(content)
    alone = editable.run("-c", "import torch", folder=tmp_path)
    assert (alone.returncode, alone.stderr) == (0, "")
    done = editable.run("-c", KNOWN, folder=tmp_path)
    assert done.stdout.strip().endswith("False"), done.stderr
    expected = f"{file} has the name of the package; rename it, or work in another folder"
    assert lines_about_us(done.stderr) == [f"{GOES_ON}{expected}"]
    own = editable.run("ls", "attacks", program="textattack-attend", folder=tmp_path)
    assert "  hackattend  " in own.stdout, own.stderr


def test_after_the_folder_of_an_editable_install_is_deleted(tmp_path: Path) -> None:
    installed = Installed(tmp_path, "--editable")
    shutil.rmtree(installed.clone)
    alone = installed.run("-c", "import torch", folder=tmp_path)
    assert (alone.returncode, alone.stderr) == (0, "")
    done = installed.run("-c", KNOWN, folder=tmp_path)
    assert done.stdout.strip().endswith("False"), done.stderr
    expected = "its files are gone; `pip uninstall textattack_attend`, or install it again"
    assert lines_about_us(done.stderr) == [f"{GOES_ON}{expected}"]
    uninstall = ("-m", "pip", "uninstall", "--quiet", "--yes", "textattack_attend")
    assert installed.run(*uninstall, folder=tmp_path).returncode == 0
    left = {path.name for path in installed.modules.iterdir()} - {"__pycache__"}
    assert left == {"needed.pth"}


def test_the_wheel_has_the_files_of_the_package_alone(editable: Installed, tmp_path: Path) -> None:
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path))
    done = editable.run("-m", "pip", "wheel", *options, str(editable.clone), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    modules = [name for name in names if ".dist-info/" not in name]
    assert modules.count("_textattack_attend_plugin.py") == 1
    assert {name.partition("/")[0] for name in modules} == {
        "_textattack_attend_plugin.py",
        "textattack_attend",
    }
