"""Settings of the documentation site, which ``make docs`` builds."""

import os
import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

from textattack_attend import __version__

# The tutorials need no network, and call the commands that belong to this Python.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

project = "textattack_attend"
author = "the authors of textattack_attend"
project_copyright = f"2026, {author}"
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
]
exclude_patterns = ["**.ipynb_checkpoints", "jupyter_execute"]
suppress_warnings = ["mystnb.unknown_mime_type"]

# A name in single quotes of a docstring is shown as code, and is a link where it has a page.
default_role = "py:obj"
smartquotes = False  # they would make one dash of the two of an option
autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "member-order": "bysource",
}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 600  # a cell takes seconds, unless the machine is busy
nb_merge_streams = True
nb_output_stderr = "remove"  # warnings name files of the machine that builds the site

html_theme = "furo"
html_title = f"textattack_attend {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
copybutton_prompt_text = "$ "

PAGES = {"README.md": "index.md", "SECURITY.md": "security.md", "CHANGELOG.md": "release-notes.md"}
"""The pages of the site that stand for files at the top of the repository."""


def inside(app: Sphinx, name: str, source: list[str]) -> None:
    """Lets links that leave the folder of the pages, which work in the repository, work here, too.

    A page of the site stands for a file at the top. A folder has no page, so its name stays.
    """
    here = (Path(app.srcdir) / name).parent

    def link(found: re.Match[str]) -> str:
        text, target = found.groups()
        path = (here / target.partition("#")[0]).resolve()
        if path.is_relative_to(app.srcdir):
            return found[0]
        if path.name in PAGES:
            return f"[{text}](/{PAGES[path.name]})"
        return f"`{text.strip('`')}`" if path.is_dir() else found[0]

    source[0] = re.sub(r"\[([^\]\[]+)\]\((\.\./[^)\s]*)\)", link, source[0])


def setup(app: Sphinx) -> None:
    """Connects what this file adds to Sphinx."""
    app.connect("source-read", inside)
