"""Arms the plugin: makes TextAttack know this package, without a change to TextAttack's files.

torch calls `arm` when it is imported (entry point ``torch.backends``; TextAttack always imports
torch), and so does the package itself. It only places a finder that waits for a few of TextAttack's
modules, so a program that never imports TextAttack pays nothing for it. Every failure is logged and
swallowed: this module must not be able to break a program, even where the package is gone. The one
exception is a line about something that TextAttack cannot be imported without.
``TEXTATTACK_ATTEND_PLUGIN=0`` switches it off.
"""

import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

SWITCH = "TEXTATTACK_ATTEND_PLUGIN"
AUTOLOAD = "TORCH_DEVICE_BACKEND_AUTOLOAD"
"""The variable that keeps torch from calling `arm` unless it is 1."""
PACKAGE = "textattack_attend"
LAST = "textattack.commands.textattack_cli"
"""The last module of TextAttack's whose tables the package extends."""


def arm() -> None:
    """Waits for TextAttack to be imported, unless switched off or already waiting."""
    switched_off = os.environ.get(SWITCH, "1").lower() in ("0", "false", "off", "no")
    if switched_off or _is_waiting():
        return
    if LAST in sys.modules:
        _say(
            "TextAttack was imported first; use `textattack-attend attack`, import "
            f"textattack_attend before textattack, or let torch arm the plugin ({AUTOLOAD}=1)"
        )
    sys.meta_path.insert(0, _Finder())


def prepare() -> None:
    """Makes TextAttack importable for the package, also where the plugin is switched off.

    The package calls this when it is imported. It provides what TextAttack needs at its import, and
    adds nothing to TextAttack.
    """
    if not _is_waiting():
        finder = _Finder()
        del finder.after[LAST]
        sys.meta_path.insert(0, finder)


def _is_waiting() -> bool:
    return any(isinstance(finder, _Finder) for finder in sys.meta_path)


def _provide_cache() -> None:
    from textattack_attend.process import cache_folder

    cache_folder.provide()


def _restore_caches() -> None:
    from textattack_attend.process import cache_folder

    cache_folder.restore()


def _provide_nltk_data() -> None:
    from textattack_attend.host import nltk_fallback

    nltk_fallback.provide()


def _provide_names_for_flair() -> None:
    from textattack_attend import versions

    versions.provide_names_for_flair()


def _remove_names_for_flair() -> None:
    from textattack_attend import versions

    versions.remove_names_for_flair()


def _register() -> None:
    from textattack_attend.host import register

    register.register()


class _Finder(MetaPathFinder):
    """Runs a call before or after the import of one of TextAttack's modules, once."""

    def __init__(self) -> None:
        # TextAttack needs a cache folder, and its augmentation package NLTK's stop words, to be
        # imported at all; it also imports flair, which needs a class that transformers 5 lacks.
        # The command line is the last module whose tables we extend.
        self.before = {
            "textattack": _provide_cache,
            "textattack.augmentation": _provide_nltk_data,
            "flair.embeddings.transformer": _provide_names_for_flair,
        }
        self.after = {
            "textattack.shared.utils.install": _restore_caches,
            "flair.embeddings.transformer": _remove_names_for_flair,
            LAST: _register,
        }

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Python asks for every module that is not loaded; the answer is None for all but one."""
        if fullname in self.before:
            self._run(self.before.pop(fullname))
        if fullname not in self.after:
            return None
        call = self.after.pop(fullname)
        spec = PathFinder.find_spec(fullname, path, target)
        return spec and _calling(spec, lambda: self._run(call))

    def _run(self, call: Callable[[], None]) -> None:
        """Makes a call, if the package is there; without it, says so once and waits no more."""
        obstacle = _obstacle()
        if obstacle:
            self.before.clear()
            self.after.clear()
            _say(obstacle)
        else:
            _swallow(call)


def _calling(spec: ModuleSpec, call: Callable[[], None]) -> ModuleSpec:
    """Returns the specification with a loader that makes the call once the module has run."""
    loader = spec.loader
    if loader is not None:
        execute = loader.exec_module

        def execute_and_call(module: ModuleType) -> None:
            execute(module)
            call()

        loader.exec_module = execute_and_call  # type: ignore[method-assign]
    return spec


def _obstacle() -> str:
    """Returns why the package cannot be imported; another's file of its name is not executed."""
    try:
        spec = importlib.util.find_spec(PACKAGE)
    except ValueError:  # a module without a specification stands in its place
        return f"another module is named {PACKAGE}"
    if spec is None:
        return f"its files are gone; `pip uninstall {PACKAGE}`, or install it again"
    if spec.submodule_search_locations is None:
        return f"{spec.origin} has the name of the package; rename it, or work in another folder"
    if spec.origin is None:  # a folder without __init__.py, such as a clone in the working folder
        folder = next(iter(spec.submodule_search_locations))
        return f"the folder {folder} has the name of the package; work in another folder"
    return ""


def _swallow(call: Callable[[], None]) -> None:
    """Makes a call; an error is logged."""
    try:
        call()
    except Exception as error:
        errors = sys.modules.get(f"{PACKAGE}.errors")
        if errors is not None and isinstance(error, errors.AttendError):
            raise  # without what it asks for, TextAttack cannot be imported
        _say("an error of ours", exc_info=True)


def _say(reason: str, exc_info: bool = False) -> None:
    """Logs why TextAttack does not know this package."""
    logging.getLogger(__name__).warning(
        "textattack_attend could not extend TextAttack, which goes on without it: %s",
        reason,
        exc_info=exc_info,
    )
