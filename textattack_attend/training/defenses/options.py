"""The base of all defenses' options, which are checked and have help for the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ...data.published import Example
from ...data.texts import Text
from ...errors import InvalidInputError, require_one_of
from ...structures import Structure

if TYPE_CHECKING:
    from ...victims.encoding import Inputs

RELEASED = "released"
"""The preset of the code behind the tables of HackAttend's paper."""
Presets = Mapping[str, Mapping[str, Any]]
"""The values of options, by the name of the option, by the name of the preset."""
CLEAN = "Train on the clean text, too; without, a new head may not learn at all."


def option(default: Any, help: str) -> Any:
    """Makes a field with a line of help."""
    return field(default=default, metadata={"help": help})


class ExtraRow(NamedTuple):
    """A row that a defense adds to the training set.

    Args:
        parts: the parts of the text.
        label: the class of the text.
        masked: the structure of each sequence that the model reads apart; empty if nothing is
            masked.
    """

    parts: tuple[str, ...]
    label: int
    masked: tuple[Structure, ...] = ()


@dataclass(frozen=True)
class Defense:
    """Training as usual; the base of the options of every defense."""

    name: ClassVar[str] = "none"

    def __post_init__(self) -> None:
        """Checks the options; subclasses raise InvalidInputError."""

    def extra_rows(
        self,
        rows: Sequence[Example],
        cache: Path,
        trust_remote_code: bool = False,
        label_names: Sequence[str] = (),
    ) -> list[ExtraRow]:
        """Returns the rows to train on beside those of the training set.

        Args:
            rows: the rows of the training set.
            cache: the file for results that take long to compute.
            trust_remote_code: whether to run the code that a victim brings along.
            label_names: the names of the classes in the order of the rows' labels, if known.
        """
        return []

    def columns(self, texts: Sequence[Text], inputs: Inputs) -> dict[str, list[Any]]:
        """Returns what the trainer reads of the training texts beside what the model reads.

        Args:
            texts: the training texts.
            inputs: the inputs of the model.

        Returns:
            Columns of the data set by name, with a value for every text.
        """
        return {}


@dataclass(frozen=True)
class WithPresets(Defense):
    """The base of the options of defenses that have named sets of values.

    Raises:
        InvalidInputError: there is no such preset, or an option has another value than the preset.
    """

    presets: ClassVar[Presets]

    preset: str = field(
        default="",
        kw_only=True,
        metadata={
            "help": "A named set of values: released, those of the code behind the paper's tables."
        },
    )

    def __post_init__(self) -> None:
        if not self.preset:
            return
        require_one_of("preset", self.preset, list(self.presets))
        defaults = {own.name: own.default for own in fields(self)}
        for name, value in self.presets[self.preset].items():
            if getattr(self, name) not in (defaults[name], value):
                raise InvalidInputError(
                    f"{name}: expected {value}, which the preset {self.preset!r} has, got "
                    f"{getattr(self, name)}; leave out one of the two"
                )
            object.__setattr__(self, name, value)  # the dataclass is frozen
