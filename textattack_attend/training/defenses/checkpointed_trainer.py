"""transformers' ``Trainer`` whose checkpoints are whole, few, and found where they lie now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn
from transformers import Trainer
from transformers.trainer import TRAINING_ARGS_NAME

from ...errors import InvalidInputError
from ...versions import without_bars_of_weights
from ..checkpoints import UNFINISHED, checkpoint_name, keep_only, publish, saving


class CheckpointedTrainer(Trainer):
    """Saves checkpoints that a stopped training can resume from at any time."""

    _saves_into: Path | None = None

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Saves the model with its tokenizer, without Trainer's pickle of its own settings.

        Args:
            output_dir: the folder to save in; by default that of the checkpoints.
        """
        with without_bars_of_weights():
            super().save_model(output_dir, _internal_call)
        if self.args.should_save:
            folder = self._checkpoints if output_dir is None else Path(output_dir)
            (folder / TRAINING_ARGS_NAME).unlink(missing_ok=True)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Saves a checkpoint, which is seen once it is whole, and then deletes the older ones."""
        checkpoints = self._checkpoints
        own = checkpoint_name(self.state.global_step)
        best = checkpoint_name(self.state.best_global_step or self.state.global_step)
        with saving(checkpoints):
            self._saves_into = checkpoints / UNFINISHED
            try:
                super()._save_checkpoint(model, trial)  # type: ignore[no-untyped-call]
            finally:
                self._saves_into = None
            self.accelerator.wait_for_everyone()  # each process writes a file of its own
            if self.args.should_save:
                publish(checkpoints / own)
                keep_only(checkpoints, {own, best})  # a resumed run needs both
        self.accelerator.wait_for_everyone()

    def _get_output_dir(self, trial: Any) -> str:
        """Returns the folder in which Trainer makes the folder of a checkpoint."""
        if self._saves_into is not None:
            return str(self._saves_into)
        return str(super()._get_output_dir(trial))  # type: ignore[no-untyped-call]

    def _load_best_model(self) -> None:
        """Loads the best checkpoint from its present folder, which may differ from the first one.

        Raises:
            InvalidInputError: the checkpoint is not there.
        """
        best = self._checkpoints / checkpoint_name(self.state.best_global_step or 0)
        if not best.is_dir():  # Trainer would keep the last one and only warn of it
            raise InvalidInputError(
                f"{best}: expected the checkpoint of the best epoch, got none; begin the run anew "
                "with --overwrite"
            )
        self.state.best_model_checkpoint = str(best)
        super()._load_best_model()  # type: ignore[no-untyped-call]

    @property
    def _checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return Path(str(self.args.output_dir))
