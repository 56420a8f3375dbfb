"""Writes a checkpoint with code of its own, which leaves a mark when it is run."""

from __future__ import annotations

import json
from pathlib import Path

from transformers import BertTokenizerFast

from ..conftest import tiny_model

CONFIGURATION = """
from pathlib import Path
from transformers import BertConfig

Path({mark!r}).touch()

class OwnConfig(BertConfig):
    model_type = "bert"
"""
MODEL = """
from pathlib import Path
from torch.nn import Linear
from transformers import BertForSequenceClassification
from .configuration_own import OwnConfig

Path({mark!r}).touch()

class Scaled(Linear):
    def forward(self, states):
        return {factor} * super().forward(states)

class OwnModel(BertForSequenceClassification):
    config_class = OwnConfig

    def __init__(self, config):
        super().__init__(config)
        self.classifier = Scaled(config.hidden_size, config.num_labels)
"""


def write_custom(folder: Path, mark: Path, vocabulary: Path, factor: float = 1.0) -> str:
    """Writes a tiny BERT whose classes transformers does not have, and returns its folder.

    Args:
        folder: the folder to write.
        mark: the file that the code makes when it is run.
        vocabulary: the vocabulary of the tokenizer.
        factor: the number by which the code multiplies the logits.
    """
    tiny_model("bert", labels=2).save_pretrained(folder)
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder)
    path = folder / "config.json"
    fields = json.loads(path.read_text())
    del fields["model_type"]  # then only the code tells which model it is
    fields["auto_map"] = {
        "AutoConfig": "configuration_own.OwnConfig",
        "AutoModelForSequenceClassification": "modeling_own.OwnModel",
    }
    path.write_text(json.dumps(fields))
    (folder / "configuration_own.py").write_text(CONFIGURATION.format(mark=str(mark)))
    (folder / "modeling_own.py").write_text(MODEL.format(mark=str(mark), factor=factor))
    return str(folder)
