"""The source code of attacks in Python files: it is checked, and nothing of it is executed.

What a file computes cannot be known so. A name that it imports, or that it makes with `globals` or
`exec`, is believed.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from inspect import Parameter
from pathlib import Path
from typing import Any

from ..files import content_of
from .named import (
    no_builder,
    no_such_function,
    not_importable,
    require_options,
    require_python_file,
    split,
)

LARGEST = 2**20
"""The most bytes of a Python file; Python needs 300 times the memory to read it."""
COMPUTING = {"globals", "vars", "locals", "exec", "eval", "setattr", "__getattr__"}
"""Names in a file that may define others."""
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def require_attack_source(name: str, **options: Any) -> None:
    """Checks the function of a Python file that builds an attack, by its source code alone.

    Args:
        name: the attack, as PATH^FUNCTION.
        options: the options that it is given.

    Raises:
        InvalidInputError: there is no such Python file, it defines no such function, or the
            function has no such option.
    """
    path, function = split(name)
    require_python_file(path, function)
    module = _parsed(Path(path))
    found = [value for defined, value in _definitions(module.body) if defined == function]
    if not found:
        if _may_define(module, function):
            return
        raise no_such_function(path, function)
    last = found[-1]
    if isinstance(last, Function):
        if _is_decorated(last):
            return
        parameters = _parameters(last.args)
        if not parameters:
            raise no_builder(path, function, f"def {function}()")
        require_options(name, parameters, options)
    elif isinstance(last, ast.expr):
        _require_no_constant(path, function, last)


def _parsed(path: Path) -> ast.Module:
    content = content_of(path, LARGEST)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever executes the file is told
            return ast.parse(content, path.name)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise not_importable(path, error) from error


def _definitions(statements: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """Yields the names that a module defines, and by what; those of an import by the import.

    Statements inside others count as well, but not those inside a function or a class.
    """
    for statement in statements:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield statement.name, statement
            case ast.Import() | ast.ImportFrom():
                for alias in statement.names:
                    yield alias.asname or alias.name.partition(".")[0], statement
            case ast.Assign():
                for target in statement.targets:
                    yield from _assigned(target, statement.value)
            case ast.AnnAssign(value=ast.expr() as value):
                yield from _assigned(statement.target, value)
            case _:
                yield from _definitions(_inside(statement))


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    """Yields the names that an assignment binds; a part of an unpacked value is believed."""
    if isinstance(target, ast.Name):
        yield target.id, value
        return
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, target


def _inside(statement: ast.stmt) -> list[ast.stmt]:
    """Returns the statements inside a compound statement, as those of an if or a try."""
    blocks = [statement, *getattr(statement, "handlers", []), *getattr(statement, "cases", [])]
    return [
        inner
        for block in blocks
        for name in ("body", "orelse", "finalbody")
        for inner in getattr(block, name, [])
    ]


def _may_define(module: ast.Module, function: str) -> bool:
    """Returns whether a module may define a name otherwise than its statements say at once."""
    for node in ast.walk(module):
        match node:
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                return True
            case ast.Name(id=name, ctx=ast.Store()) if name == function:
                return True  # a loop or a with binds it, or a function that calls it global
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.FunctionDef(name=name):
                if name in COMPUTING:
                    return True
    return False


def _is_decorated(function: Function) -> bool:
    """Returns whether a decorator may have changed the parameters of a function."""
    return bool(getattr(function, "decorator_list", []))


def _parameters(written: ast.arguments) -> list[Parameter]:
    """Returns the parameters of a function in the order in which it lists them."""
    by_position = [*written.posonlyargs, *written.args]
    first_default = len(by_position) - len(written.defaults)
    found = [
        _parameter(one.arg, Parameter.POSITIONAL_OR_KEYWORD, number >= first_default)
        for number, one in enumerate(by_position)
    ]
    if written.vararg:
        found.append(_parameter(written.vararg.arg, Parameter.VAR_POSITIONAL, False))
    for one, default in zip(written.kwonlyargs, written.kw_defaults, strict=True):
        found.append(_parameter(one.arg, Parameter.KEYWORD_ONLY, default is not None))
    if written.kwarg:
        found.append(_parameter(written.kwarg.arg, Parameter.VAR_KEYWORD, False))
    return found


def _parameter(name: str, kind: Any, has_default: bool) -> Parameter:
    return Parameter(name, kind, default=None if has_default else Parameter.empty)


def _require_no_constant(path: str, function: str, value: ast.expr) -> None:
    """Refuses a name that stands for a number, a text, or a list or mapping of them."""
    try:
        constant = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return  # it is computed
    raise no_builder(path, function, constant)
