"""Saves whole structures beside TextAttack's CSV log, whose column shows only a part of them.

The log ``results.csv`` gets a folder ``results-structures``, in which the structure of the success
in row 7, counted from 0 without the heading, is the file ``row-000007.safetensors``. As TextAttack
replaces a log that exists, so the files of an earlier run are replaced.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from textattack import Attacker
from textattack.loggers import AttackLogManager, CSVLogger
from textattack.loggers.logger import Logger
from textattack.shared import logger

from ..errors import InvalidInputError
from ..errors.printable import in_one_line
from ..identity import Identity
from ..structures import SavedStructure, save

OWN = re.compile(r"row-\d{6,}\.safetensors")
"""Matches the names of the files in a folder."""


class StructureFiles(Logger):
    """The folder of structures beside a log.

    Args:
        log: the path of the CSV file.
        identity: the identity of the victim.
        results: the results so far, to which TextAttack adds.

    Raises:
        InvalidInputError: something else stands in the place of the folder, or in the folder.
    """

    def __init__(self, log: str, identity: Identity, results: list[Any]) -> None:
        super().__init__()
        self.folder = Path(log).with_name(f"{Path(log).stem}-structures")
        self.log = log
        self._identity = identity
        self._results = results
        self._flushed = 0
        self._former()

    def __getstate__(self) -> dict[str, Any]:
        """Makes a run that goes on from a checkpoint write all files anew."""
        return {**vars(self), "_flushed": 0}

    def flush(self) -> None:
        """Writes the structures that are not written yet."""
        from ..attacks.results import SuccessfulAttackResult

        if not self._flushed:
            for file in self._former():
                file.unlink()
        for row, result in enumerate(self._results[self._flushed :], self._flushed):
            if isinstance(result, SuccessfulAttackResult):
                self.folder.mkdir(exist_ok=True)
                saved = SavedStructure(result.structure, result.text, self._identity)
                save(saved, self.folder / f"row-{row:06}.safetensors")
        self._flushed = len(self._results)

    def _former(self) -> list[Path]:
        """Returns the files of an earlier run; refuses a folder that has others."""
        if not self.folder.exists():
            return []
        files = sorted(self.folder.iterdir()) if self.folder.is_dir() else [self.folder]
        others = [file.name for file in files if not OWN.fullmatch(file.name)]
        if others:
            raise InvalidInputError(
                f"{self.folder}: expected no folder, or one of structures of an earlier run, which "
                f"are replaced as the log is, got {in_one_line(others[0])}; move it, or give the "
                "log another name"
            )
        return files


def with_structure_files(original: Any) -> Any:
    """Makes a run that writes a CSV log save the structures beside it."""

    def attack(self: Attacker) -> Any:
        from ..attacks.attack import StructureAttack

        if isinstance(self.attack, StructureAttack):
            _add(self.attack_log_manager, self.attack)
        return original(self)

    return attack


def _add(manager: AttackLogManager, attack: Any) -> None:
    """Adds the folder of each CSV log, unless it is there, as in a run that is attacked again."""
    there = {own.log for own in manager.loggers if isinstance(own, StructureFiles)}
    logs = [own.filename for own in manager.loggers if isinstance(own, CSVLogger)]
    for log in logs:
        if log in there:
            continue
        files = StructureFiles(log, attack.goal_function.victim.identity(), manager.results)
        manager.loggers.append(files)
        logger.info(
            f"Saving the structure of each success in {in_one_line(str(files.folder))}: "
            f"row-000000.safetensors for row 0 of {in_one_line(log)}, and so on"
        )
