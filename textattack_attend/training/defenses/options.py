"""Options of the defenses: checked values, and the command line's help. Light to import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from ...data.published import Row
from ...errors import (
    InvalidInputError,
    did_you_mean,
    require_number,
    require_one_of,
    require_share,
    require_text,
    require_whole_number,
    require_yes_or_no,
)
from ...structures import Structure

GRANULARITIES = ("unit", "token")
CLEAN = "Train on the clean text, too; without, a new head may not learn at all."


def option(default: Any, help: str) -> Any:
    """A field with a line of help."""
    return field(default=default, metadata={"help": help})


class ExtraRow(NamedTuple):
    """A row that a defense adds to the training set.

    Args:
        parts: of the text.
        label: its class.
        masked: the structure of each sequence that the model reads apart; empty if nothing is
            masked.
    """

    parts: tuple[str, ...]
    label: int
    masked: tuple[Structure, ...] = ()


@dataclass(frozen=True)
class Defense:
    """How a model is trained: here, as usual."""

    name: ClassVar[str] = "none"
    trainer: ClassVar[str] = "defense_trainer.DefenseTrainer"

    def extra_rows(
        self, rows: Sequence[Row], cache: Path, trust_remote_code: bool = False
    ) -> list[ExtraRow]:
        """What to train on beside the rows of the training set.

        Args:
            rows: of the training set.
            cache: file for what takes long to find.
            trust_remote_code: whether to run the code that a victim brings along.
        """
        return []


@dataclass(frozen=True)
class SAttend(Defense):
    """S-Attend (Liong et al. 2024, section 7): attention masked by chance in training.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "s-attend"
    trainer: ClassVar[str] = "s_attend.SAttendTrainer"

    alpha: float = option(0.2, "Chance of a unit, or a token, to be masked, in [0, 1).")
    granularity: str = option(
        "unit", "What is drawn: unit (the paper), or token, for all layers (its released code)."
    )
    growth: float = option(0.0, "Share of the steps over which alpha grows from 0.")
    layers: tuple[int, ...] = option((), "Which are masked; all by default.")
    heads: tuple[int, ...] = option((), "Which are masked; all by default.")

    def __post_init__(self) -> None:
        require_share("alpha", self.alpha, "[0, 1)")
        require_share("growth", self.growth, "[0, 1)")
        require_one_of("granularity", self.granularity, GRANULARITIES)
        for name in ("layers", "heads"):
            for number in getattr(self, name):
                require_whole_number(name, number, at_least=0)


@dataclass(frozen=True)
class OnEmbeddings(Defense):
    """What FreeLB and CreAT share: steps uphill on the word embeddings.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    steps: int = option(3, "Steps uphill.")
    step_size: float = option(0.1, "Length of a step, over all embeddings of a text.")
    radius: float = option(0.6, "Length of a perturbation at most; 0 for any.")
    start: float = option(0.05, "Length that the random start has at most; 0 for none.")
    clean: bool = option(False, "Train on the clean text, too.")

    def __post_init__(self) -> None:
        require_whole_number("steps", self.steps)
        for name in ("step_size", "radius", "start"):
            require_number(name, getattr(self, name), "[0, inf)")
        require_yes_or_no("clean", self.clean)


@dataclass(frozen=True)
class FreeLB(OnEmbeddings):
    """FreeLB (Zhu et al. 2020): the mean loss over steps uphill on the embeddings."""

    name: ClassVar[str] = "freelb"
    trainer: ClassVar[str] = "freelb.FreeLBTrainer"


@dataclass(frozen=True)
class CreAT(OnEmbeddings):
    """CreAT (Wu et al. 2023): the perturbation also moves the contextual representation.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "creat"
    trainer: ClassVar[str] = "creat.CreATTrainer"

    temperature: float = option(1.0, "Weight of the contextual term.")
    clean: bool = option(True, CLEAN)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("temperature", self.temperature, "[0, inf)")


@dataclass(frozen=True)
class AFA(Defense):
    """AFA (Liu 2025; our reading of its abstract): attention goes to words that are missed.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "afa"
    trainer: ClassVar[str] = "afa.AFATrainer"

    weight: float = option(0.1, "Of the policy's loss beside the task's.")
    mask_share: float = option(0.15, "Share of the words of a text that the policy masks.")
    baseline_decay: float = option(0.9, "Of the running mean of the reward.")
    discriminator_learning_rate: float = option(1e-3, "Of the discriminator.")

    def __post_init__(self) -> None:
        require_number("weight", self.weight, "[0, inf)")
        require_share("mask_share", self.mask_share, "[0, 1)")
        require_share("baseline_decay", self.baseline_decay, "[0, 1)")
        require_number("discriminator_learning_rate", self.discriminator_learning_rate, "[0, inf)")


@dataclass(frozen=True)
class HackAttendAT(Defense):
    """Adversarial training with HackAttend structures (ours).

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "hackattend-at"
    trainer: ClassVar[str] = "hackattend_at.HackAttendATTrainer"

    alpha: float = option(0.01, "Share of the attackable units of a matrix that is masked.")
    steps: int = option(1, "Gradient passes in which units are chosen anew.")
    clean: bool = option(True, CLEAN)

    def __post_init__(self) -> None:
        require_share("alpha", self.alpha, "[0, 1)")
        require_whole_number("steps", self.steps)
        require_yes_or_no("clean", self.clean)


@dataclass(frozen=True)
class ADA(Defense):
    """Adversarial data augmentation: the successes of an attack on the training set are added.

    Of an attack on attention the text is added once more, to be read under the structure.

    Raises:
        InvalidInputError: an option is of another type, or outside its range.
    """

    name: ClassVar[str] = "ada"
    trainer: ClassVar[str] = "masked_rows.MaskedRowsTrainer"

    victim: str = option("", "Model to attack, as trained without a defense.")
    recipe: str = option(
        "textfooler-transformers", "TextAttack's name of the attack, or PATH^NAME."
    )
    examples: int = option(0, "How many rows of the training set are attacked; 0 for all.")
    cache: str = option("", "File of what was attacked, to use again.")

    def __post_init__(self) -> None:
        require_whole_number("examples", self.examples, at_least=0)
        for name in ("victim", "recipe", "cache"):
            require_text(name, getattr(self, name))

    def extra_rows(
        self, rows: Sequence[Row], cache: Path, trust_remote_code: bool = False
    ) -> list[ExtraRow]:
        """Adversarial examples, with the labels of the rows that they come from."""
        from .ada import adversarial_rows  # TextAttack takes seconds

        return adversarial_rows(self, rows, cache, trust_remote_code)


METHODS = (Defense, SAttend, AFA, FreeLB, CreAT, ADA, HackAttendAT)
DEFENSES: dict[str, type[Defense]] = {defense.name: defense for defense in METHODS}


def defense_of(name: str, **options: Any) -> Defense:
    """The defense of a name.

    Args:
        name: one of `DEFENSES`.
        options: of its fields; the others keep their defaults.

    Raises:
        InvalidInputError: there is none of that name, it has no such option, or a value is outside
            its range.
    """
    require_one_of("defense", name, list(DEFENSES))
    defense = DEFENSES[name]
    for given in options:
        if given not in defense.__dataclass_fields__:
            having = [n for n, d in DEFENSES.items() if given in d.__dataclass_fields__]
            own = list(defense.__dataclass_fields__)
            belongs = f"; it belongs to {', '.join(having)}" if having else did_you_mean(given, own)
            raise InvalidInputError(f"{given}: {name!r} has no such option{belongs}")
    return defense(**options)
