"""Arms the plugin: makes TextAttack know this package, without a change to TextAttack's files.

torch calls `arm` when it is imported (entry point ``torch.backends``; TextAttack always imports
torch). It only places a finder that waits for a few of TextAttack's modules, so a program that
never imports TextAttack pays nothing for it. Every failure is logged and swallowed: this module
must not be able to break a program. The one exception is a line about something that TextAttack
cannot be imported without. ``TEXTATTACK_ATTEND_PLUGIN=0`` switches it off.
"""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

SWITCH = "TEXTATTACK_ATTEND_PLUGIN"


def arm() -> None:
    """Wait for TextAttack to be imported, unless switched off or already waiting."""
    switched_off = os.environ.get(SWITCH, "1").lower() in ("0", "false", "off", "no")
    if switched_off or any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _Finder())


def _provide_cache() -> None:
    from textattack_attend.process import cache_folder

    cache_folder.provide()


def _restore_caches() -> None:
    from textattack_attend.process import cache_folder

    cache_folder.restore()


def _provide_nltk_data() -> None:
    from textattack_attend.host import nltk_fallback

    nltk_fallback.provide()


def _register() -> None:
    from textattack_attend.host import register

    register.register()


class _Finder(MetaPathFinder):
    """Runs a call before or after the import of one of TextAttack's modules, once."""

    def __init__(self) -> None:
        # TextAttack needs a cache folder, and its augmentation package NLTK's stop words, to be
        # imported at all; the command line is the last module whose tables we extend.
        self.before = {
            "textattack": _provide_cache,
            "textattack.augmentation": _provide_nltk_data,
        }
        self.after = {
            "textattack.shared.utils.install": _restore_caches,
            "textattack.commands.textattack_cli": _register,
        }

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Python asks for every module that is not loaded; the answer is None for all but one."""
        if fullname in self.before:
            _swallow(self.before.pop(fullname))
        if fullname not in self.after:
            return None
        call = self.after.pop(fullname)
        spec = PathFinder.find_spec(fullname, path, target)
        return spec and _calling(spec, call)


def _calling(spec: ModuleSpec, call: Callable[[], None]) -> ModuleSpec:
    """Returns the specification with a loader that makes the call once the module has run."""
    loader = spec.loader
    if loader is not None:
        execute = loader.exec_module

        def execute_and_call(module: ModuleType) -> None:
            execute(module)
            _swallow(call)

        loader.exec_module = execute_and_call  # type: ignore[method-assign]
    return spec


def _swallow(call: Callable[[], None]) -> None:
    from textattack_attend.errors import AttendError

    try:
        call()
    except AttendError:  # without what it asks for, TextAttack cannot be imported
        raise
    except Exception:
        logging.getLogger(__name__).warning(
            "textattack_attend could not extend TextAttack, which goes on without it",
            exc_info=True,
        )
