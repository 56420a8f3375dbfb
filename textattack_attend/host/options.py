"""Options of this package beside those of TextAttack's command line."""

from __future__ import annotations

from typing import Any

from ..data.class_names import given_names

OWN: dict[str, Any] = {"trust_remote_code": False, "data": None, "label_names": ()}
"""Our options, and their values where they are not given."""


def taking_own_options(original: Any) -> Any:
    """Makes the arguments of a command accept our options, which become attributes."""

    def init(self: Any, *arguments: Any, **options: Any) -> None:
        own = {name: options.pop(name, default) for name, default in OWN.items()}
        original(self, *arguments, **options)
        for name, value in own.items():
            setattr(self, name, value)

    return init


def with_trust_option(original: Any) -> Any:
    """Adds ``--trust-remote-code`` to the options for models."""

    def add_parser_args(cls: Any, parser: Any) -> Any:
        parser.add_argument(
            "--trust-remote-code",
            action="store_true",
            help="Run the Python code that the model's checkpoint brings along.",
        )
        return original(cls, parser)

    return add_parser_args


def with_data_options(original: Any) -> Any:
    """Adds ``--data`` and ``--label-names`` to the options for data."""

    def add_parser_args(cls: Any, parser: Any) -> Any:
        parser.add_argument(
            "--data",
            help="Data to load, as every command of textattack-attend takes them: FILE^FORMAT "
            "(sst2, dream, ...), FILE^COLUMN,...,LABEL, or demo.",
        )
        parser.add_argument(
            "--label-names",
            metavar="NAME,...",
            default=(),
            type=lambda given: given_names(given.split(",")),
            help="Names of the model's classes in its order, if its configuration has none or "
            "the data have other words for them.",
        )
        return original(cls, parser)

    return add_parser_args
