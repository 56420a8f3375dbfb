"""Runs the commands of ``textattack-attend`` by ``python -m textattack_attend``."""

from .commands.main import main

main(prog_name="textattack-attend")
