"""Help: every command has it at once, in sentences that are not cut."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from textattack_attend.commands.common import COMMANDS
from textattack_attend.commands.main import main
from tools.__main__ import main as tools

NAMES = [(group, name) for group in (main, tools) for name in group.commands]
FITS = 64
"""The most letters of a sentence beside a name in a list that is 80 columns wide."""


def help_of(group: click.Group, *arguments: str) -> str:
    done = CliRunner().invoke(group, [*arguments, "-h"])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_commands_stand_in_the_order_in_which_a_user_needs_them() -> None:
    shown = help_of(main)
    wanted = [
        "attack",
        "replay",
        "audit",
        "check",
        "benchmark",
        "transfer",
        "results",
        "report",
        "compare",
        "train",
        "ls",
    ]
    places = [shown.index(f"\n  {name}  ") for name in wanted]
    assert places == sorted(places)
    assert "Attack a model:\n  attack " in shown
    assert list(main.list_commands(click.Context(main))) == re.findall(
        r"^  (\w+)  ", shown.split("--help")[1], re.MULTILINE
    )


@pytest.mark.parametrize(("group", "name"), NAMES, ids=[name for _, name in NAMES])
def test_every_command_says_what_it_does_in_one_line(group: click.Group, name: str) -> None:
    sentence = group.commands[name].get_short_help_str(limit=200)
    assert re.fullmatch(rf"[A-Z].{{10,{FITS - 2}}}\.", sentence)
    assert f"  {sentence}\n" in help_of(group)


@pytest.mark.parametrize(("group", "name"), NAMES, ids=[name for _, name in NAMES])
def test_every_option_has_a_sentence_and_its_default(group: click.Group, name: str) -> None:
    command = group.commands[name]
    parent = click.Context(group, **group.context_settings)
    for option in command.get_params(click.Context(command, parent=parent)):
        if isinstance(option, click.Option) and not option.hidden:
            assert option.help, option.name
            sentence = re.sub(r"\s+\[[^\[\]]*\]$", "", option.help)
            assert re.fullmatch(r"(?s)[A-Za-z`].*\.", sentence), option.help
            known = option.default not in (None, (), False) and "UNSET" not in repr(option.default)
            assert not known or option.show_default, option.name


def test_developers_measurements_are_no_commands_of_a_user() -> None:
    ours = {"speed", "memory", "overhead", "strength", "metrics-page", "families-page"}
    assert ours <= set(tools.commands)
    assert not ours & set(COMMANDS)


def test_the_options_of_a_defense_stand_under_its_name() -> None:
    shown = help_of(main, "train")
    own, *defenses = re.split(r"^Options of --defense ([\w-]+):$", shown, flags=re.MULTILINE)
    assert "--mask-share" not in own
    by_name = dict(zip(defenses[::2], defenses[1::2], strict=True))
    assert "--mask-share FLOAT" in by_name["afa"]
    assert "[default: 0.15]" in " ".join(by_name["afa"].split())
    assert "--alpha FLOAT" in by_name["s-attend"]
    assert "--alpha FLOAT" in by_name["hackattend-at"]
    assert "none" not in by_name


def test_the_help_comes_before_the_libraries() -> None:
    code = (
        "import sys\n"
        "from textattack_attend.commands.main import main\n"
        "main(['results', '-h'], standalone_mode=False)\n"
        "main(['-h'], standalone_mode=False)\n"
        "assert not {'torch', 'transformers', 'textattack'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_what_is_listed_can_be_attacked_or_says_what_it_needs() -> None:
    shown = CliRunner().invoke(main, ["ls"]).stdout
    parts = dict(re.findall(r"^(\w+) \([^\n]+\):\n((?:  [^\n]+\n)+)", shown, re.MULTILINE))
    assert list(parts) == [
        *("attacks", "victims", "recipes", "metrics", "figures", "data", "tasks", "defenses"),
        *("rankings", "families", "commands"),
    ]
    assert parts["victims"].startswith("  attend-demo ")
    assert not re.search(r"stsb|lstm|cnn", parts["victims"])
    kinds = [line.split()[1].rstrip(";") for line in parts["families"].splitlines()]
    assert kinds == sorted(kinds)
    assert set(kinds) == {"encoder", "decoder", "encoder-decoder"}
    attacks = parts["attacks"].splitlines()
    assert attacks[0].startswith("  hackattend  ")
    names = [line.split()[0] for line in attacks]
    assert {"deepwordbug", "textfooler", "hackattend-plus"} <= set(names)
    assert not {"hotflip", "seq2sick", "morpheus"} & set(names)
    for block in parts.values():
        starts = {re.match(r"  \S.*?  +(?=\S)", line) for line in block.splitlines()}
        assert len({found.end() for found in starts if found}) <= 1, block
