"""Refuses what is no recipe and no store, and says what to write instead."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInputError, described
from .recipe import Recipe
from .store import Store


def require_recipe(given: Any) -> Recipe:
    """Returns a recipe.

    Raises:
        InvalidInputError: it is something else, such as its path.
    """
    if isinstance(given, Recipe):
        return given
    advice = "write Recipe(data=..., victims={...}, attacks={...}), or Recipe.load(FILE)"
    if isinstance(given, str | os.PathLike):
        advice = f"write Recipe.load({os.fspath(given)!r})"
    if isinstance(given, Mapping):
        advice = "write Recipe(**fields)"
    raise InvalidInputError(f"recipe: expected a Recipe, got {described(given)}; {advice}")


def require_store(given: Any, *, new: bool = True) -> Store:
    """Returns a store, which the path of its file may stand for.

    Args:
        given: the store, or the path of its file.
        new: whether to open a file for writing, and to make it if it is missing.

    Raises:
        InvalidInputError: it is something else.
        StoreError: the file cannot be opened.
    """
    if isinstance(given, Store):
        return given
    if isinstance(given, str | os.PathLike):
        return Store(given, new=new)
    raise InvalidInputError(
        f"store: expected the path of a file, as 'results.sqlite', got {described(given)}"
    )
