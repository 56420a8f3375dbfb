"""Makes the embedded victim: distils a fine-tuned BERT into one of 3 million parameters.

    python -m tools.demo.train --data SST2 --teacher MODEL --output DIRECTORY

`--data` holds `train.tsv` and `dev.tsv`, one `sentence<TAB>label` a line. The student never learns
from their labels: it learns the teacher's logits, and the teacher's hidden state at every token of
three layers, on variations of the training sentences. Matching hidden states token by token
makes it mix context as the teacher does; logits alone can be fitted by counting words.
"""

import argparse
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from random import Random

import torch
from torch import nn
from torch.nn.functional import mse_loss
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertForSequenceClassification,
    BertTokenizerFast,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from textattack_attend.checkpoints.custom_code import NEVER
from textattack_attend.checkpoints.loading import from_pretrained, load_model

from .augment import Augmenter, nearest_words
from .student import LONGEST, build_student, build_tokenizer, choose_vocabulary, save_student
from .teacher import Batch, Teacher, matched_layers

logger = logging.getLogger(__name__)

Example = tuple[str, int]


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of train.tsv and dev.tsv")
    parser.add_argument("--teacher", required=True, help="path or hub name of a fine-tuned BERT")
    parser.add_argument("--output", type=Path, required=True, help="folder to write the victim to")
    parser.add_argument("--epochs", type=int, default=28, help="each draws new variations")
    parser.add_argument("--variations", type=int, default=4096, help="sentences drawn an epoch")
    parser.add_argument("--passes", type=int, default=2, help="times an epoch reads its variations")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--vocabulary", type=int, default=13_500, help="tokens to keep")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="the peak")
    parser.add_argument("--hidden-weight", type=float, default=4.0, help="logits weigh 1")
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="sums depend on it in the last bit")
    return parser.parse_args(arguments)


def read_examples(path: Path) -> list[Example]:
    """Reads `sentence<TAB>label` lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.rsplit("\t", 1) for line in lines if line)
    return [(sentence, int(label)) for sentence, label in pairs]


class Distiller:
    """The optimisation of a student towards its teacher's answers."""

    def __init__(
        self,
        student: BertForSequenceClassification,
        teacher: Teacher,
        *,
        steps: int,
        learning_rate: float,
        hidden_weight: float,
    ) -> None:
        """Prepares the optimisation for `steps` steps."""
        self.student = student
        self.layers = matched_layers(student.config.num_hidden_layers)
        self.hidden_weight = hidden_weight
        width = student.config.hidden_size
        self.lenses = nn.ModuleList(nn.Linear(width, teacher.width) for _ in teacher.layers)
        self.weights = [*student.parameters(), *self.lenses.parameters()]
        self.optimizer = torch.optim.AdamW(
            self.weights, lr=learning_rate, weight_decay=0.01, fused=True
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: rate(step / steps)
        )

    def epoch(self, batches: list[Batch]) -> tuple[float, float]:
        """Learns every batch once, and returns the mean losses of logits and of hidden states."""
        self.student.train()
        losses = torch.stack([self._step(batch) for batch in batches]).mean(dim=0)
        return losses[0].item(), losses[1].item()

    def _step(self, batch: Batch) -> torch.Tensor:
        """Learns one batch, and returns both losses, (2,)."""
        with torch.autocast("cpu", torch.bfloat16):
            out = self.student(batch.ids, batch.mask, output_hidden_states=True)
            hidden = self._hidden_loss(out.hidden_states, batch)
        logits = mse_loss(out.logits.float(), batch.logits)
        torch.autograd.backward([logits + self.hidden_weight * hidden])
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()
        return torch.stack([logits, hidden]).detach()

    def _hidden_loss(self, states: Sequence[torch.Tensor], batch: Batch) -> torch.Tensor:
        """Returns the share of the teacher's variance left unexplained, averaged over layers."""
        tokens = batch.mask.bool()
        losses = [
            mse_loss(lens(states[layer][tokens]).float(), target.float()) / target.float().var()
            for layer, lens, target in zip(self.layers, self.lenses, batch.hidden, strict=True)
        ]
        return torch.stack(losses).mean()


def rate(progress: float, warm_up: float = 0.05) -> float:
    """Returns the share of the peak learning rate: a linear warm-up, then a cosine to zero."""
    if progress < warm_up:
        return progress / warm_up
    return 0.5 + 0.5 * math.cos(math.pi * (progress - warm_up) / (1 - warm_up))


@torch.no_grad()
def accuracy(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example]
) -> float:
    """Returns the share of `examples` that `model` labels right."""
    model.eval()
    right = 0
    for start in range(0, len(examples), 64):
        sentences, labels = zip(*examples[start : start + 64], strict=True)
        inputs = tokenizer(list(sentences), padding=True, truncation=True, return_tensors="pt")
        right += int((model(**inputs).logits.argmax(-1) == torch.tensor(labels)).sum())
    return right / len(examples)


def prepare(
    options: argparse.Namespace, rng: Random
) -> tuple[BertForSequenceClassification, BertTokenizerFast, Teacher, Augmenter]:
    """Loads the teacher and builds the student."""
    sentences = [sentence for sentence, _ in read_examples(options.data / "train.tsv")]
    vocabulary_of = from_pretrained(AutoTokenizer, options.teacher, advice=NEVER)
    model = load_model(AutoModelForSequenceClassification, options.teacher, advice=NEVER)
    vocabulary = choose_vocabulary(vocabulary_of, sentences, options.vocabulary)
    ids = torch.tensor(vocabulary_of.convert_tokens_to_ids(vocabulary))
    embeddings = model.get_input_embeddings().weight.detach()[ids].float()
    options.output.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer(vocabulary, options.output)
    student = build_student(embeddings, options.dropout)
    augmenter = Augmenter(tokenizer, sentences, nearest_words(tokenizer, embeddings), rng)
    return student, tokenizer, Teacher(model, tokenizer, ids), augmenter


def train(
    options: argparse.Namespace,
) -> tuple[BertForSequenceClassification, BertTokenizerFast]:
    """Distils, and returns the student of the last epoch: none is chosen by its dev accuracy."""
    torch.manual_seed(options.seed)
    rng = Random(options.seed)
    student, tokenizer, teacher, augmenter = prepare(options, rng)
    batches_an_epoch = math.ceil(options.variations / options.batch_size)
    distiller = Distiller(
        student,
        teacher,
        steps=options.epochs * options.passes * batches_an_epoch,
        learning_rate=options.learning_rate,
        hidden_weight=options.hidden_weight,
    )
    for epoch in range(1, options.epochs + 1):
        rows = [augmenter.draw(LONGEST - 2) for _ in range(options.variations)]
        batches = teacher.label(rows, options.batch_size)
        losses = []
        for _ in range(options.passes):
            rng.shuffle(batches)
            losses.append(distiller.epoch(batches))
        # The first pass reads what the student has not learned yet; later ones flatter it.
        logger.info("epoch %d of %d: logits %.3f, hidden %.3f", epoch, options.epochs, *losses[0])
    return student, tokenizer


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, saves in half precision, and measures the saved model."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    options = parse_arguments(arguments)
    torch.set_num_threads(options.threads)
    student, _ = train(options)
    save_student(student, options.output)
    saved = load_model(AutoModelForSequenceClassification, str(options.output))
    tokenizer = AutoTokenizer.from_pretrained(options.output)
    score = accuracy(saved, tokenizer, read_examples(options.data / "dev.tsv"))
    logger.info("dev accuracy %.4f, saved to %s", score, options.output)


if __name__ == "__main__":
    main()
