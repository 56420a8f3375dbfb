"""TextFooler and BERT-Attack as TextAttack has them, but without TensorFlow: with a sentence
encoder of transformers in place of the Universal Sentence Encoder, and any masked language model.

Thresholds are TextAttack's, which were set for that encoder and are stricter or laxer with another.
"""

from __future__ import annotations

from collections.abc import Sequence

from textattack import Attack
from textattack.attack_recipes import TextFoolerJin2019
from textattack.constraints import Constraint
from textattack.constraints.overlap import MaxWordsPerturbed
from textattack.constraints.pre_transformation import RepeatModification, StopwordModification
from textattack.constraints.semantics.sentence_encoders import UniversalSentenceEncoder
from textattack.goal_functions import UntargetedClassification
from textattack.models.wrappers import ModelWrapper
from textattack.search_methods import GreedyWordSwapWIR
from textattack.shared import utils
from textattack.transformations import WordSwapMaskedLM
from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer, BatchEncoding

from ..checkpoints.custom_code import NEVER
from ..checkpoints.loading import from_pretrained, load_model
from ..errors import InvalidInputError, require_text, require_whole_number
from .columns_only import ColumnsOnly
from .mean_pooled_encoder import MeanPooledEncoder
from .presets import require_preset
from .registry import attack

ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
MASKED_LANGUAGE_MODEL = "bert-base-uncased"
CANDIDATES, RELEASED_CANDIDATES = 8, 10
"""The substitutes for a word in TextAttack, and in the code behind the tables of HackAttend."""


@attack("textfooler-transformers")
class TextFoolerTransformers(TextFoolerJin2019):
    """TextFooler (Jin et al. 2019) with an encoder of transformers."""

    @staticmethod
    def build(
        model_wrapper: ModelWrapper,
        encoder: str = ENCODER,
        columns: Sequence[str] | None = None,
    ) -> Attack:
        """Builds TextFooler.

        Args:
            model_wrapper: the wrapper of the victim.
            encoder: the folder of the sentence encoder, or its name on the hub.
            columns: the columns whose words may change, as ``["context"]`` in the paper's tables of
                multiple choice; None for all.

        Raises:
            InvalidInputError: there is no such encoder, or columns are no list of names.
        """
        require_text("encoder", encoder)
        # TextAttack's recipe would download for minutes before it needs this.
        from_pretrained(AutoConfig, encoder, advice=NEVER)
        attack = TextFoolerJin2019.build(model_wrapper)
        attack.constraints = [_with_encoder(own, encoder) for own in attack.constraints]
        attack.pre_transformation_constraints += _only(columns)
        return attack


@attack("bert-attack-transformers")
class BERTAttackTransformers:
    """BERT-Attack (Li et al. 2020) with an encoder of transformers and any masked language model.

    TextAttack's recipe fixes its model, so its parts are put together here again.
    """

    @staticmethod
    def build(
        model_wrapper: ModelWrapper,
        encoder: str = ENCODER,
        masked_language_model: str = MASKED_LANGUAGE_MODEL,
        candidates: int = CANDIDATES,
        columns: Sequence[str] | None = None,
        preset: str = "",
    ) -> Attack:
        """Builds BERT-Attack.

        Args:
            model_wrapper: the wrapper of the victim.
            encoder: the folder of the sentence encoder, or its name on the hub.
            masked_language_model: the folder, or the name on the hub, of the masked language model
                that proposes substitutes.
            candidates: the substitutes for a word; TextAttack has 8, the paper 48.
            columns: the columns whose words may change; None for all.
            preset: "released" takes 10 substitutes for a word, as the code behind the tables of
                HackAttend's paper; empty stands for TextAttack's.

        Raises:
            InvalidInputError: there is no such encoder, no such language model, no such preset, or
                columns are no list of names.
        """
        require_text("encoder", encoder)
        require_text("masked_language_model", masked_language_model)
        candidates = _with_preset(candidates, preset)
        model = load_model(AutoModelForMaskedLM, masked_language_model, advice=NEVER)
        tokenizer = from_pretrained(AutoTokenizer, masked_language_model, advice=NEVER)
        transformation = _WordSwapUnpadded(
            method="bert-attack",
            masked_language_model=model,
            tokenizer=tokenizer,
            max_candidates=candidates,
        )
        constraints = [
            RepeatModification(),
            StopwordModification(),
            *_only(columns),
            MaxWordsPerturbed(max_percent=0.4),
            MeanPooledEncoder(encoder, threshold=0.2, metric="cosine"),
        ]
        goal = UntargetedClassification(model_wrapper)
        return Attack(goal, constraints, transformation, GreedyWordSwapWIR(wir_method="unk"))


def _with_preset(candidates: int, preset: str) -> int:
    """Returns the number of substitutes for a word, which a preset may set."""
    require_whole_number("candidates", candidates)
    require_preset(preset)
    if preset and candidates not in (CANDIDATES, RELEASED_CANDIDATES):
        raise InvalidInputError(
            f"candidates: expected {RELEASED_CANDIDATES}, which the preset {preset!r} has, got "
            f"{candidates}; leave out one of the two"
        )
    return RELEASED_CANDIDATES if preset else candidates


def _only(columns: Sequence[str] | None) -> list[ColumnsOnly]:
    return [] if columns is None else [ColumnsOnly(columns)]


class _WordSwapUnpadded(WordSwapMaskedLM):
    """Proposes TextAttack's words without padding texts to the longest that the model can read."""

    def _encode_text(self, text: str) -> BatchEncoding:
        encoded: BatchEncoding = self._lm_tokenizer(
            text, max_length=self.max_length, truncation=True, return_tensors="pt"
        )
        return encoded.to(utils.device)


def _with_encoder(constraint: Constraint, encoder: str) -> Constraint:
    if not isinstance(constraint, UniversalSentenceEncoder):
        return constraint
    return MeanPooledEncoder(
        encoder,
        threshold=constraint.threshold,
        metric=constraint.metric,
        compare_against_original=constraint.compare_against_original,
        window_size=constraint.window_size,
        skip_text_shorter_than_window=constraint.skip_text_shorter_than_window,
    )
