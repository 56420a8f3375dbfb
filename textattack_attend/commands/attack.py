"""The command ``textattack-attend attack``: on a sentence, or as TextAttack's own command."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from math import isfinite
from typing import Any

import click

from ..errors import InvalidInputError, did_you_mean, first_of
from .common import command, label_names_option, trust_option
from .recipe_options import option_of, recipe_options
from .terminal import echo

OF_A_SENTENCE = ("label", "save", "plot", "output_format")
"""The options that only a sentence can have."""
RECIPE = "hackattend"
"""The attack on a sentence, unless another one is named."""


class AttackCommand(click.Command):
    """A command with the options of the recipes beside its own."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.params.extend(recipe_options())

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Reads the arguments; a sentence that begins with a dash is no row of short options."""
        return super().parse_args(context, [f" {a}" if _is_dashed(a) else a for a in args])

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the command's own options, and then those of the recipes."""
        of_recipes = {option.name for option in recipe_options()}
        every = self.get_params(context)
        for heading, are_of_recipes in (("Options", False), ("Options of the recipes", True)):
            own = [option for option in every if (option.name in of_recipes) == are_of_recipes]
            records = [option.get_help_record(context) for option in own]
            with formatter.section(heading):
                formatter.write_dl([record for record in records if record])

    def format_usage(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes both ways to call the command."""
        formatter.write_usage(context.command_path, "SENTENCE --model MODEL [OPTIONS]")
        formatter.write_usage(context.command_path, "[OPTIONS OF TEXTATTACK]")


@command(cls=AttackCommand, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--model",
    help="The folder of the victim, or its name on the hub; attend-demo comes with the package.",
)
@click.option(
    "--recipe",
    "--attack-recipe",
    "-r",
    help="The name of the attack, or FILE.py^FUNCTION. For a sentence it is hackattend by default; "
    "hackattend-plus is stronger. `textattack-attend ls attacks` lists the names.",
)
@click.option(
    "--label",
    help="The class of the sentence, by its name or number.  [default: the model's prediction]",
)
@click.option(
    "--save", type=click.Path(dir_okay=False), help="The file for the structure, to replay it."
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False),
    help="The file (.png, .svg, .pdf) for a figure of the attention before and after.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    help="The output: lines for people, or one JSON object with every pair.  [default: text]",
)
@click.option(
    "--data",
    help="The data to attack in place of a sentence: FILE^FORMAT (sst2, dream, ...), "
    "FILE^COLUMN,...,LABEL, or demo.",
)
@label_names_option
@trust_option
@click.option(
    "--help-textattack", is_flag=True, help="Show the options of `textattack attack` and exit."
)
@click.pass_context
def attack(
    context: click.Context,
    /,
    arguments: Sequence[str],
    model: str | None,
    recipe: str | None,
    data: str | None,
    label_names: Sequence[str],
    trust_remote_code: bool,
    help_textattack: bool,
    **options: Any,
) -> None:
    """Attack a SENTENCE, or the examples of a data set.

    A sentence stands in quotation marks. Models of text pairs take two, and models that score
    choices take a context, a question and every choice. The command prints the prediction before
    and after, and the token pairs that are masked, those first on which most depends. The exit code
    is 0 whether the attack succeeds or fails, and 1 or 2 if the sentence cannot be attacked.

    Without a sentence, the command takes all options of `textattack attack`, beside those of the
    recipe. --help-textattack shows them.
    """
    own = {name: options.pop(name) for name in OF_A_SENTENCE}
    given = {name: value for name, value in options.items() if value is not None}
    arguments = [a[1:] if _is_dashed(a[1:]) else a for a in arguments]
    texts = tuple(takewhile(lambda argument: not _is_option(argument), arguments))
    if texts and not help_textattack:
        known = [name for parameter in context.command.params for name in parameter.opts]
        _require_no_others(arguments[len(texts) :], data, known)
        from .sentence import attack_sentence

        recipe = RECIPE if recipe is None else recipe
        attack_sentence(
            texts,
            model,
            recipe,
            given,
            label_names=label_names,
            trust_remote_code=trust_remote_code,
            **own,
        )
        return
    if not help_textattack:
        _require_something(arguments, recipe, data)
        _require_for_data([name for name, value in own.items() if value is not None])
        _require_recipe(recipe, list(given))
    in_file = recipe is not None and "^" in recipe
    flag = "--attack-from-file" if in_file else "--recipe"
    shared = {
        "--model": model,
        flag: recipe,
        "--data": data,
        "--label-names": ",".join(label_names),
    }
    passed = [part for name, value in shared.items() if value for part in (name, value)]
    flags = ["--trust-remote-code"] * trust_remote_code + ["--help"] * help_textattack
    _run_textattack(context, [*arguments, *passed, *flags], given)


def _is_option(argument: str) -> bool:
    """Returns whether an argument is an option; a sentence may begin with a dash, too."""
    return argument.startswith("-") and not _is_dashed(argument)


def _is_dashed(argument: str) -> bool:
    """Returns whether an argument is a text that begins with a dash, as ``- a fine film``."""
    name, _, _ = argument.partition("=")
    return argument.startswith("-") and len(name.split()) > 1


def _require_no_others(others: Sequence[str], data: str | None, options: Sequence[str]) -> None:
    """Refuses a sentence together with a data set, or with options of TextAttack's runs."""
    given = [argument for argument in others if _is_option(argument)]
    given += ["--data"] * (data is not None)
    if given:
        raise InvalidInputError(
            f"{first_of(given)}: expected no option of `textattack attack` beside a sentence; "
            "leave out the sentence to attack a data set, or the option to attack the sentence "
            "(textattack-attend attack --help lists its options)"
            f"{did_you_mean(given[0], options)}"
        )


def _require_something(arguments: Sequence[str], recipe: str | None, data: str | None) -> None:
    """Refuses a call that names neither a sentence nor an attack on data."""
    if not arguments and recipe is None and data is None:
        raise InvalidInputError(
            "expected a sentence to attack, in quotation marks and before the options, or --recipe "
            'for an attack on a data set, got neither; textattack-attend attack "a fine film" '
            "--model attend-demo is an example"
        )


def _require_for_data(own: Sequence[str]) -> None:
    """Refuses options of a sentence where there is none."""
    if own:
        raise InvalidInputError(
            f"{option_of(own[0].removeprefix('output_'))}: expected a sentence to attack, in "
            "quotation marks and before the options, got none"
        )


def _require_recipe(recipe: str | None, options: Sequence[str]) -> None:
    """Refuses options of a recipe that is not named, or that is a function in a file."""
    if options and (recipe is None or "^" in recipe):
        raise InvalidInputError(
            f"{first_of([option_of(name) for name in options])}: expected --recipe with the name "
            "of the attack that has this option"
        )


def _run_textattack(
    context: click.Context, arguments: Sequence[str], options: dict[str, Any]
) -> None:
    try:
        _run(arguments, options)
    except SystemExit as end:  # the group would take it for the end of a user's code
        if isinstance(end.code, str):
            echo(end.code, err=True)
        context.exit(end.code if isinstance(end.code, int) else bool(end.code))


def _run(arguments: Sequence[str], options: dict[str, Any]) -> None:
    from textattack.commands.attack_command import AttackCommand as TextAttackCommand

    from ..attacks.named import require_attack
    from ..host import register
    from ..host.command_line import attack_arguments

    register.register()
    args = attack_arguments(arguments)
    if options:
        require_attack(args.attack_recipe, **options)
        # TextAttack reads options here, also when a run is resumed.
        args.attack_recipe += f"^{', '.join(f'{k}={_literal(v)}' for k, v in options.items())}"
    TextAttackCommand().run(args)


def _literal(value: Any) -> str:
    """Returns the Python expression of an option's value."""
    infinite = isinstance(value, float) and not isfinite(value)
    return f"float('{value}')" if infinite else repr(value)
