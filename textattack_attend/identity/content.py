"""Computes digests of values, files, folders, and code with the modules that it imports."""

from __future__ import annotations

import ast
import hashlib
import json
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, lru_cache, partial
from importlib.machinery import PathFinder
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any

from ..errors import InvalidInputError

DIGEST_BYTES = 16
THREADS = 4
"""The number of threads that hash files and weights side by side, as hashlib allows."""
LARGE = 2**24
"""The bytes from which on a file is read again only if its size or dates changed."""

new_digest = partial(hashlib.blake2b, digest_size=DIGEST_BYTES)


def digest_of(value: Any) -> str:
    """Returns the digest of a value: a number, a text, or a list or a mapping of such values."""
    text = json.dumps(canonical(value), sort_keys=True)
    return new_digest(text.encode()).hexdigest()


def canonical(value: Any, within: frozenset[int] = frozenset()) -> Any:
    """Converts a value to JSON's types; its `repr` or its type's name replaces any other value.

    Args:
        value: the value to convert.
        within: the ids of the functions whose closures hold the value; a function that holds itself
            becomes its name.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): canonical(own, within) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(own, within) for own in value]
    if isinstance(value, set | frozenset):
        return sorted((canonical(own, within) for own in value), key=repr)
    if isinstance(value, FunctionType):
        return name_of(value) if id(value) in within else _function(value, within)
    if isinstance(value, partial):
        return canonical([value.func, value.args, value.keywords], within)
    if isinstance(value, MethodType):
        return canonical([value.__func__, value.__self__], within)
    if isinstance(value, BuiltinFunctionType | type):
        return name_of(value)
    if hasattr(value, "to_dict"):
        return canonical(value.to_dict(), within)
    kind: Any = type(value)
    if kind.__repr__ is object.__repr__:  # the default shows an address
        return name_of(kind)
    return repr(value)


def _function(function: FunctionType, within: frozenset[int]) -> list[Any]:
    """Returns a function's name, code, defaults and closure, which decide what it computes."""
    values = [function.__defaults__, function.__kwdefaults__]
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # a cell is empty until its variable is assigned
            values.append(cell.cell_contents)
    own = canonical(values, within | {id(function)})
    return [name_of(function), _code_of(function.__code__), own]


def _code_of(code: CodeType) -> list[Any]:
    constants = [_code_of(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), constants]


def name_of(function_or_class: Any) -> str:
    """Returns the module and the name of a function or a class."""
    return f"{function_or_class.__module__}.{function_or_class.__qualname__}"


def digest_of_file(path: Path) -> str:
    """Returns the digest of a file's bytes.

    Raises:
        InvalidInputError: the file cannot be read.
    """
    return _digest_of_files([path])


def digest_of_path(path: Path) -> str:
    """Returns the digest of a file, or of all files in a folder with their places in it.

    Hidden files and files that Python compiled are left out.

    Raises:
        InvalidInputError: a file cannot be read.
    """
    if path.is_file():
        return digest_of_file(path)
    files = {file.relative_to(path): file for file in sorted(path.rglob("*")) if file.is_file()}
    seen = [p for p in files if not any(n.startswith(".") or n == "__pycache__" for n in p.parts)]
    names = [place.as_posix() for place in seen]
    return digest_of([names, _digest_of_files([files[place] for place in seen])])


def digest_of_code(path: Path) -> str:
    """Returns the digest of a Python file and of the user's modules that it reaches.

    These are the modules that it imports from its own folder or from elsewhere on Python's path,
    and those that they import. Installed packages, imports by a computed name, and files that the
    code reads are not included.

    Raises:
        InvalidInputError: a file cannot be read.
    """
    return _digest_of_files(_code(path))


def _code(path: Path) -> list[Path]:
    """Returns a file first, then every module that it reaches by imports, each once."""
    found = {path: None}
    waiting = [path]
    while waiting:
        for module in _imported(waiting.pop(), path.parent):
            if module not in found:
                found[module] = None
                waiting.append(module)
    return [path, *sorted(set(found) - {path})]


def _imported(file: Path, folder: Path) -> Iterator[Path]:
    """Yields the modules of the user's that a Python file imports, and all files of packages.

    A module in the folder comes before one elsewhere on Python's path.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # running the file reports the error
        return
    yield from _beside(tree, file.parent)
    for top in {name.partition(".")[0] for name in _names(tree)}:
        if (folder / f"{top}.py").is_file():
            yield folder / f"{top}.py"
        elif top and (folder / top).is_dir():
            yield from (folder / top).rglob("*.py")
        elif top:
            yield from _elsewhere(top)


def _beside(tree: ast.AST, folder: Path) -> Iterator[Path]:
    """Yields the modules that a Python file in a folder imports by their places beside it."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = folder.joinpath(*[".."] * (node.level - 1)).resolve()
        names = [node.module] if node.module else [alias.name for alias in node.names]
        for place in (base.joinpath(*name.split(".")) for name in names):
            if place.with_name(f"{place.name}.py").is_file():
                yield place.with_name(f"{place.name}.py")
            elif place.is_dir():
                yield from place.rglob("*.py")


def _elsewhere(top: str) -> Iterator[Path]:
    """Yields the files of a module on Python's path that is neither Python's nor installed."""
    if top in sys.stdlib_module_names or top == __package__.partition(".")[0]:
        return
    spec = PathFinder.find_spec(top)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return
    origin = Path(spec.origin).resolve()
    if any(origin.is_relative_to(folder) for folder in _installed()):
        return
    if spec.submodule_search_locations is None:
        yield origin
    else:
        yield from origin.parent.rglob("*.py")


@cache
def _installed() -> list[Path]:
    """Returns the folders into which packages are installed."""
    names = ("purelib", "platlib")
    folders = [sysconfig.get_paths()[name] for name in names]
    return [Path(folder).resolve() for folder in [*folders, *site.getsitepackages()]]


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def _digest_of_files(paths: Iterable[Path]) -> str:
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            digests = list(pool.map(_digest_of_bytes, paths))
    except OSError as error:
        raise InvalidInputError(f"{error.filename}: cannot be read ({error})") from error
    return digests[0] if len(digests) == 1 else digest_of(digests)


def _digest_of_bytes(path: Path) -> str:
    found = path.stat()
    if found.st_size < LARGE:
        return _read(path)
    return _known(path, (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))


@lru_cache(maxsize=1024)  # a run asks for the same encoder with every attack
def _known(path: Path, mark: tuple[int, ...]) -> str:
    return _read(path)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, new_digest).hexdigest()
