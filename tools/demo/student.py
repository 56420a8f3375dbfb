"""Makes the student before training: its vocabulary, its tokenizer and its first weights."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizerFast,
    PreTrainedTokenizerBase,
)

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LONGEST = 128
LABELS = {0: "negative", 1: "positive"}


def choose_vocabulary(
    teacher: PreTrainedTokenizerBase, sentences: Sequence[str], size: int
) -> list[str]:
    """Returns `size` of the teacher's tokens, in the teacher's order.

    Taken are the special tokens, what occurs in `sentences`, every character of an alphabetic
    script (so that an unseen word can always be spelled), then the teacher's most frequent tokens:
    a BERT vocabulary is ordered by frequency.
    """
    ranks: dict[str, int] = teacher.get_vocab()
    seen = {token for ids in teacher(list(sentences))["input_ids"] for token in ids}
    needed = {token for token, rank in ranks.items() if rank in seen or is_letter(token)}
    needed -= set(SPECIAL_TOKENS)
    common = sorted(set(ranks) - needed, key=ranks.__getitem__)
    room = size - len(SPECIAL_TOKENS) - len(needed)
    needed.update([token for token in common if is_word(token)][: max(room, 0)])
    return [*SPECIAL_TOKENS, *sorted(needed, key=ranks.__getitem__)]


def is_letter(token: str) -> bool:
    """Returns whether a token is one character of an alphabet, or punctuation: no ideographs."""
    character = token.removeprefix("##")
    return len(character) == 1 and (ord(character) < 0x590 or 0x2000 <= ord(character) < 0x2C00)


def is_word(token: str) -> bool:
    """Returns whether a token is a whole word or a Latin continuation: no placeholder or symbol."""
    return len(token) > 1 and token.removeprefix("##").isalpha()


def build_tokenizer(vocabulary: Sequence[str], directory: Path) -> BertTokenizerFast:
    """Returns a lower-casing tokenizer over `vocabulary`, saved in `directory`.

    It is saved before it is used, as a fast tokenizer saves the padding of its last call too.
    """
    path = directory / "vocab.txt"
    path.write_text("".join(f"{token}\n" for token in vocabulary), encoding="utf-8")
    tokenizer = BertTokenizerFast(str(path), do_lower_case=True, model_max_length=LONGEST)
    tokenizer.save_pretrained(directory)
    return tokenizer


def build_student(word_embeddings: torch.Tensor, dropout: float) -> BertForSequenceClassification:
    """Returns an untrained student whose word embeddings are the teacher's, projected by PCA.

    `word_embeddings` are the teacher's for the student's vocabulary, (vocabulary, teacher width).
    """
    config = BertConfig(
        vocab_size=len(word_embeddings),
        hidden_size=128,
        num_hidden_layers=6,
        num_attention_heads=8,
        intermediate_size=512,
        max_position_embeddings=LONGEST,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        id2label=LABELS,
        label2id={name: label for label, name in LABELS.items()},
        problem_type="single_label_classification",
        attn_implementation="eager",
    )
    student = BertForSequenceClassification(config)
    weight = student.bert.embeddings.word_embeddings.weight
    projected = project(word_embeddings, config.hidden_size)
    with torch.no_grad():
        weight.copy_(projected * (config.initializer_range * 2 / projected.std()))
    return student


def project(vectors: torch.Tensor, size: int) -> torch.Tensor:
    """Projects `vectors`, (rows, hidden), to their first `size` principal axes."""
    centred = vectors - vectors.mean(dim=0)
    values, axes = torch.linalg.eigh(centred.T @ centred)  # ascending
    principal: torch.Tensor = axes[:, values.argsort(descending=True)[:size]]
    return centred @ principal


def save_student(student: BertForSequenceClassification, directory: Path) -> None:
    """Saves weights in half precision, and a configuration that loads them in single precision."""
    student.half().save_pretrained(directory)
    path = directory / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config.pop("_name_or_path", None)  # a path on the machine that trained
    config["dtype"] = "float32"
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
