"""The teacher, which labels the texts that the student reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import BertTokenizerFast, PreTrainedModel


@dataclass(frozen=True)
class Batch:
    """Sentences as the student reads them, and the teacher's answers to them."""

    ids: torch.Tensor  # (batch, length)
    mask: torch.Tensor  # (batch, length)
    logits: torch.Tensor  # (batch, labels)
    hidden: list[torch.Tensor]  # a matched layer: (tokens that are not padding, teacher width)


def matched_layers(count: int) -> list[int]:
    """Returns the layers, of `count`, after which states are matched: a third, two, and all."""
    return [count * part // 3 for part in (1, 2, 3)]


class Teacher:
    """A fine-tuned BERT behind the student's tokenizer.

    Every token of the student is one of the teacher's, so the teacher is given the student's
    tokens under its own ids: the two always agree on what the tokens of a sentence are.
    """

    def __init__(
        self, model: PreTrainedModel, tokenizer: BertTokenizerFast, own_ids: torch.Tensor
    ) -> None:
        """Keeps the model, the student's tokenizer and its ids as the teacher's, (vocabulary,)."""
        self.model = model.eval().to(torch.bfloat16)
        self.tokenizer = tokenizer
        self.own_ids = own_ids
        self.width: int = model.config.hidden_size
        self.layers = matched_layers(model.config.num_hidden_layers)

    def label(self, rows: Sequence[list[int]], batch_size: int) -> list[Batch]:
        """Labels token ids without [CLS] and [SEP], in batches of like length."""
        ordered = sorted(rows, key=len)
        starts = range(0, len(ordered), batch_size)
        return [self._label(ordered[start : start + batch_size]) for start in starts]

    @torch.no_grad()
    def _label(self, rows: Sequence[list[int]]) -> Batch:
        first, last = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        framed = [[first, *row, last] for row in rows]
        lengths = torch.tensor([len(row) for row in framed])
        ids = pad_sequence(
            [torch.tensor(row) for row in framed],
            batch_first=True,
            padding_value=self.tokenizer.pad_token_id,
        )
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        out = self.model(self.own_ids[ids], mask, output_hidden_states=True)
        hidden = [out.hidden_states[layer][mask.bool()] for layer in self.layers]
        return Batch(ids, mask, out.logits.float(), hidden)
