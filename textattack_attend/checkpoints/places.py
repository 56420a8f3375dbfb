"""Finds out where a checkpoint is before anything asks for it: in a folder, or on the hub.

Libraries ask the hub for whatever is no folder, and try again for minutes if there is no network.
So what cannot be on the hub is refused at once, and the hub is asked once whether it answers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError, did_you_mean

EXPECTED = (
    "expected the folder of a checkpoint with its tokenizer, or a name on the hub, which needs a "
    "network once; download it where there is one, and give the folder"
)
SECONDS = 5
"""The seconds that the hub has to answer."""
REMEMBERED = 60
"""The seconds for which it is remembered whether the hub answers."""
CONFIGURATIONS = ("config.json", "adapter_config.json")
"""The files one of which every checkpoint has."""
_OFFLINE = "_is_offline_mode"
"""The variable in which transformers 4 copied, when it was imported, that the hub is not asked."""


def require_possible(checkpoint: str) -> None:
    """Refuses what is no folder, and no name that the hub could have; it asks nobody.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.

    Raises:
        InvalidInputError: it is a file, or a path at which there is nothing.
    """
    if os.path.isfile(checkpoint):
        raise InvalidInputError(
            f"{checkpoint}: expected the folder of a checkpoint, got a file; give the folder with "
            "its configuration, its weights and its tokenizer"
        )
    if not os.path.isdir(checkpoint) and not _may_be_on_the_hub(checkpoint):
        raise InvalidInputError(
            f"{checkpoint}: {EXPECTED}; got a path at which there is nothing{_close(checkpoint)}"
        )


@contextmanager
def findable(checkpoint: str) -> Iterator[None]:
    """Refuses a checkpoint that cannot be found, and leaves the hub alone if it does not answer.

    Args:
        checkpoint: the folder of the checkpoint, or its name on the hub.

    Raises:
        InvalidInputError: it is a file, or a path at which there is nothing, or the name of a
            checkpoint that was never downloaded, and the hub does not answer.
    """
    from huggingface_hub import constants

    require_possible(checkpoint)
    # Tests, and users without a network, tell both libraries by a variable to ask nobody.
    told = constants.HF_HUB_OFFLINE or os.path.isdir(checkpoint)
    if told or _hub_answers(int(time.monotonic()) // REMEMBERED):
        yield
    elif _was_downloaded(checkpoint):
        with _offline():
            yield
    else:
        raise InvalidInputError(
            f"{checkpoint}: {EXPECTED}; there is no such folder here, and {constants.ENDPOINT} "
            f"does not answer{_close(checkpoint)}"
        )


def _may_be_on_the_hub(checkpoint: str) -> bool:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(checkpoint)
    except HFValidationError:
        return False
    return True


@lru_cache(maxsize=1)
def _hub_answers(period: int) -> bool:
    """Returns whether the hub answers anything; it is asked once in a period."""
    from huggingface_hub import constants
    from huggingface_hub.utils._http import get_session

    session: Any = get_session()
    try:
        session.head(constants.ENDPOINT, timeout=SECONDS)
    except Exception:  # the libraries for HTTP of different versions have different errors
        return False
    return True


def _was_downloaded(checkpoint: str) -> bool:
    """Returns whether the hub's cache on this machine holds a configuration of a checkpoint."""
    from huggingface_hub import try_to_load_from_cache

    found = (try_to_load_from_cache(checkpoint, name) for name in CONFIGURATIONS)
    return any(isinstance(path, str) for path in found)


@contextmanager
def _offline() -> Iterator[None]:
    """Makes both libraries look into the cache alone, as the variable HF_HUB_OFFLINE does."""
    from huggingface_hub import constants
    from transformers.utils import hub

    with_copy = hasattr(hub, _OFFLINE)
    constants.HF_HUB_OFFLINE = True
    if with_copy:
        setattr(hub, _OFFLINE, True)
    _forget_sessions()
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = False
        if with_copy:
            setattr(hub, _OFFLINE, False)
        _forget_sessions()


def _forget_sessions() -> None:
    """Makes the hub's older library read anew whether it is offline."""
    from huggingface_hub.utils import _http

    forget = getattr(_http, "reset_sessions", None)
    if forget is not None:
        forget()


def _close(checkpoint: str) -> str:
    """Returns advice for a path that resembles that of a folder beside it."""
    place = Path(checkpoint)
    try:
        folders = {str(place.parent / one.name) for one in place.parent.iterdir() if one.is_dir()}
    except OSError:
        folders = set()
    return did_you_mean(checkpoint, sorted(folders))
