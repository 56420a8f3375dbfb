"""The attack inside TextAttack: order, counts, budgets, options, independence of how it is run."""

from __future__ import annotations

import logging
import multiprocessing
import pickle
from collections import OrderedDict
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import numpy as np
import pytest
import torch
from textattack import Attack
from textattack.models.wrappers import HuggingFaceModelWrapper
from textattack.shared import AttackedText
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from textattack_attend.attack_recipes import (
    HackAttendAttentionRanking,
    HackAttendGradientOnly,
    HackAttendHalfScale,
    HackAttendImportanceOnly,
    HackAttendLiong2024,
    HackAttendPlus,
    HackAttendRandom,
)
from textattack_attend.attacks.attack import StructureAttack
from textattack_attend.attacks.results import StructureAttackResult
from textattack_attend.attacks.structured_text import StructuredText
from textattack_attend.attention import AttentionCapture, ForwardPass, Visit
from textattack_attend.data.texts import Text
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import AttentionModelWrapper
from textattack_attend.structures import Budget, Matrix, Shape, Structure
from textattack_attend.victims.encoding import EncodedText, Inputs
from textattack_attend.victims.victim import CleanPass, Victim

from ..conftest import HEADS, LAYERS, MakeVictim, hooks_of, random_texts

Decision = tuple[str, Structure, int]
LOOSE = {"mask_fraction": 0.2}  # enough that tiny victims fall to it now and then


def build(victim: Victim, **options: object) -> StructureAttack:
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    return HackAttendLiong2024.build(wrapper, **options)  # type: ignore[arg-type]


def prediction(victim: Victim, text: str) -> int:
    return int(victim.logits([text])[0].argmax())


def decision(result: StructureAttackResult) -> Decision:
    return type(result).__name__, result.structure, result.candidate_queries


def run(attack: StructureAttack, texts: Sequence[str]) -> list[StructureAttackResult]:
    victim = attack.goal_function.victim
    return [attack.attack(text, prediction(victim, text)) for text in texts]


def decide(attack: StructureAttack, texts: Sequence[str]) -> list[Decision]:
    return [decision(result) for result in run(attack, texts)]


def kinds(results: Sequence[StructureAttackResult]) -> set[str]:
    return {type(result).__name__ for result in results}


# --- the search ---


class PlantedPass(ForwardPass):
    """Its last cell is always the best to mask."""

    def __init__(self) -> None:
        pass

    def each_layer(self, visit: Visit) -> None:
        size = PlantedVictim.shape.size
        for layer, planted in enumerate(torch.arange(float(np.prod(size))).view(size)):
            visit(layer, AttentionCapture(planted, -planted, planted.log()))


class PlantedVictim(Victim):
    """Its probability of class 0 depends on what is masked, by a table; every query is recorded."""

    shape = Shape(2, 2, 4)

    def __init__(self, victim: Victim, drops: dict[Matrix, float], flip_at: int) -> None:
        super().__init__(victim.model, victim.tokenizer)
        self.drops = drops
        self.flip_at = flip_at
        self.asked: list[Structure] = []
        self.judged: list[Structure] = []

    def empty_structure(self, text: object) -> Structure:
        return Structure(self.shape)

    def read(self, texts: Sequence[Text | EncodedText], losses: object) -> list[CleanPass]:
        return [CleanPass(self.inputs.encoded(text), PlantedPass(), []) for text in texts]

    def logits_from(self, asked: Sequence[tuple[CleanPass, Structure]]) -> Tensor:
        return self.logits([reading.text for reading, _ in asked], [s for _, s in asked])

    def logits(
        self, texts: Sequence[object], structures: Sequence[Structure] | None = None
    ) -> Tensor:
        assert structures is not None
        self.asked.extend(structures)
        rows = [[self._margin(structure), 0.0] for structure in structures]
        return torch.tensor(rows)

    def logits_alone(self, text: object, structure: Structure | None = None) -> Tensor:
        structure = structure or Structure(self.shape)
        self.judged.append(structure)
        return torch.tensor([self._margin(structure), 0.0])

    def _margin(self, structure: Structure) -> float:
        if len(structure) == self.flip_at:
            return -1.0
        return 5 - sum(self.drops[matrix] for matrix in structure.matrices)


def planted_attack(
    make_victim: MakeVictim, flip_at: int, **options: object
) -> tuple[PlantedVictim, StructureAttackResult]:
    drops = {(0, 0): 0.1, (0, 1): 0.3, (1, 0): 1.0, (1, 1): 0.2}  # layer 1 matters, head 0 first
    attack = build(make_victim(labels=2), **options)
    planted = PlantedVictim(attack.goal_function.victim, drops, flip_at)
    attack.goal_function.model.victim = planted
    return planted, attack.attack("any text", 0)


def test_the_exact_order_of_queries(make_victim: MakeVictim) -> None:
    """After the clean text: layers, and layer by layer its heads, then the growing structure."""
    planted, result = planted_attack(make_victim, flip_at=3)
    shape = planted.shape
    last = {m: Structure.from_units(shape, [(*m, 3, 3)]) for m in planted.drops}
    layers = [[(0, 0), (0, 1)], [(1, 0), (1, 1)]]
    grown = [last[1, 0]]
    for matrix in ((1, 1), (0, 1), (0, 0)):
        grown.append(grown[-1] | last[matrix])
    assert planted.asked == [
        *(Structure.whole(shape, matrices) for matrices in layers),
        *(Structure.whole(shape, [matrix]) for matrix in layers[1]),
        *grown[:2],
        *(Structure.whole(shape, [matrix]) for matrix in layers[0]),
        *grown[2:],
    ]
    assert planted.judged == [Structure(shape), grown[2]]  # the referee's own passes
    assert decision(result) == ("SuccessfulAttackResult", grown[2], 3)
    assert result.num_queries == 1 + 2 + 4 + 4


def test_without_accumulation_every_candidate_masks_one_matrix(make_victim: MakeVictim) -> None:
    planted, result = planted_attack(make_victim, flip_at=99, accumulate=False)
    tested = [*planted.asked[4:6], *planted.asked[8:]]  # after 2 layers, and 2 heads of a layer
    assert [s.matrices for s in tested] == [[(1, 0)], [(1, 1)], [(0, 1)], [(0, 0)]]
    assert decision(result)[0] == "FailedAttackResult"
    assert result.candidate_queries == 4


def test_limits_cut_layers_and_heads(make_victim: MakeVictim) -> None:
    planted, _ = planted_attack(make_victim, flip_at=99, max_layers=1, max_heads=1)
    # 2 layers, the heads of one layer, one candidate.
    assert [s.matrices for s in planted.asked[2:]] == [[(1, 0)], [(1, 1)], [(1, 0)]]


def test_a_failure_keeps_the_last_structure_tested(make_victim: MakeVictim) -> None:
    planted, result = planted_attack(make_victim, flip_at=99)
    assert result.structure == planted.asked[-1]
    assert len(result.structure) == 4


# --- a model built by hand ---


@pytest.fixture
def hand_built(vocabulary: object) -> AttentionModelWrapper:
    """One layer, one head, uniform attention. [CLS] answers 1 exactly as long as it sees "good"."""
    config = BertConfig(
        vocab_size=40, hidden_size=4, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=4, max_position_embeddings=8, pad_token_id=1,
    )  # fmt: skip
    model = BertForSequenceClassification(config).eval()
    tokenizer = BertTokenizerFast(str(vocabulary))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
        words = model.bert.embeddings.word_embeddings.weight
        ids = tokenizer.convert_tokens_to_ids(["[CLS]", "good", "[SEP]"])
        words[ids] = torch.tensor([[0, 0, 1.0, -1], [1, -1, 0, 0], [0, 0, -1, 1]])
        layer = model.bert.encoder.layer[0]
        for dense in (layer.attention.self.value, layer.attention.output.dense):
            dense.weight.copy_(torch.eye(4))
        model.bert.pooler.dense.weight.copy_(torch.eye(4))
        model.classifier.weight[1, 0] = 10.0
        model.classifier.bias[1] = -1.0
    return AttentionModelWrapper(model, tokenizer)


@pytest.mark.parametrize("ranking", ["probability_gradient", "score_gradient", "first_order"])
def test_the_one_unit_that_matters_is_found(
    hand_built: AttentionModelWrapper, ranking: str
) -> None:
    attack = HackAttendLiong2024.build(hand_built, spare_first_token=False, ranking=ranking)
    result = attack.attack("good", 1)
    assert result.structure.units.tolist() == [[0, 0, 0, 1]]
    assert result.describe() == ["L0 H0: [CLS] -> good"]
    assert decision(result)[0] == "SuccessfulAttackResult"
    assert result.candidate_queries == 1


def test_sparing_the_first_token_spares_the_only_unit_that_matters(
    hand_built: AttentionModelWrapper,
) -> None:
    result = HackAttendLiong2024.build(hand_built).attack("good", 1)
    assert decision(result)[0] == "FailedAttackResult"


# --- laws ---


@pytest.mark.parametrize("batch_size", [1, 5, 1000])
def test_no_decision_depends_on_the_batch_size(victim: Victim, batch_size: int) -> None:
    texts = random_texts(8)
    attack = build(victim, **LOOSE)
    expected = run(attack, texts)
    assert kinds(expected) == {"SuccessfulAttackResult", "FailedAttackResult"}
    attack.goal_function.batch_size = batch_size
    assert decide(attack, texts) == [decision(result) for result in expected]


def test_no_decision_depends_on_order_or_on_what_came_before(victim: Victim) -> None:
    texts = random_texts(6)
    attack = build(victim, **LOOSE, ranking="random", importance="random")
    assert decide(attack, texts) == decide(attack, texts[::-1])[::-1]
    assert hooks_of(victim.model) == []


def test_every_structure_is_within_the_budget(victim: Victim) -> None:
    for fraction in (0.01, 0.1, 0.5):
        budget = Budget(fraction)
        for result in run(build(victim, mask_fraction=fraction), random_texts(5)):
            assert budget.allows(result.structure)


def test_textattacks_own_wrapper_gives_the_same(make_victim: MakeVictim) -> None:
    victim = make_victim()
    stock = HuggingFaceModelWrapper(victim.model, victim.tokenizer)
    texts = random_texts(5)
    attack = HackAttendLiong2024.build(stock, mask_fraction=0.2)
    assert decide(attack, texts) == decide(build(victim, **LOOSE), texts)


def test_a_victim_left_in_training_mode_is_put_back(make_victim: MakeVictim) -> None:
    victim = make_victim()
    texts = random_texts(4)
    expected = decide(build(victim, **LOOSE), texts)
    attack = build(victim, **LOOSE)
    victim.model.train()
    assert decide(attack, texts) == expected
    assert not victim.model.training


def test_a_success_is_judged_again_and_not_believed(
    make_victim: MakeVictim, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    attack = build(make_victim(), **LOOSE)
    texts = random_texts(8)
    assert "SuccessfulAttackResult" in kinds(run(attack, texts))
    monkeypatch.setattr(Victim, "logits_alone", lambda self, text, *_: self.logits([text])[0])
    with caplog.at_level(logging.WARNING):
        assert kinds(run(attack, texts)) == {"FailedAttackResult"}
    assert "did not survive a fresh forward pass" in caplog.text


def test_replaying_a_file_gives_the_same_logits(victim: Victim, tmp_path: object) -> None:
    attack = build(victim, **LOOSE)
    success = next(
        r for r in run(attack, random_texts(8)) if type(r).__name__ == "SuccessfulAttackResult"
    )
    path = f"{tmp_path}/structure.safetensors"
    victim.save_structure(path, success.text, success.structure)
    replay = victim.replay(path)
    assert torch.equal(replay.logits, victim.logits([success.text], [success.structure])[0])
    assert replay.logits.argmax() == success.perturbed_result.output
    assert replay.logits.argmax() != prediction(victim, replay.text)  # type: ignore[arg-type]
    assert (replay.text, replay.structure) == (success.text, success.structure)


def test_what_is_reported_does_not_depend_on_what_is_attacked_beside(victim: Victim) -> None:
    """Results are the same to the bit, whatever texts share a batch, on any number of threads."""
    attack = build(victim, **LOOSE)
    texts = random_texts(8)
    threads = torch.get_num_threads()
    together = [reported(result) for result in run(attack, texts)]
    torch.set_num_threads(2)
    try:
        alone = [reported(run(attack, [text])[0]) for text in texts]
    finally:
        torch.set_num_threads(threads)
    assert together == alone
    backwards = [reported(result) for result in run(attack, texts[::-1])]
    assert together == backwards[::-1]


def reported(result: StructureAttackResult) -> tuple[Any, ...]:
    before, after = result.original_result, result.perturbed_result
    return (
        type(result).__name__,
        result.structure,
        result.num_queries,
        result.candidate_queries,
        before.raw_output.tolist(),
        after.raw_output.tolist(),
        float(before.score),
        float(after.score),
    )


# --- counts ---


def test_queries_are_counted_as_they_are_made(
    make_victim: MakeVictim, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack = build(make_victim(), **LOOSE)
    rows: list[int] = []
    stock: Callable[..., Tensor] = Victim.logits_from

    def counting(victim: Victim, asked: Sequence[tuple[CleanPass, Structure]]) -> Tensor:
        rows.append(len(asked))
        return stock(victim, asked)

    monkeypatch.setattr(Victim, "logits_from", counting)
    for text in random_texts(5):
        rows.clear()
        result = attack.attack(text, prediction(attack.goal_function.victim, text))
        assert result.num_queries == 1 + sum(rows)  # the clean text
        assert result.candidate_queries <= result.num_queries - 1 - LAYERS - HEADS
        assert result.gradient_passes == 1


def test_a_text_is_tokenized_once_an_attack(
    victim: Victim, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = random_texts(4)
    labels = [prediction(victim, text) for text in texts]
    labels[0] += 1 if labels[0] == 0 else -1
    calls: list[object] = []
    stock: Callable[..., Any] = Inputs._tokenized

    def counting(inputs: Inputs, *arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        return stock(inputs, *arguments, **options)

    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    attacks = [HackAttendLiong2024.build(wrapper, **LOOSE), HackAttendPlus.build(wrapper)]  # type: ignore[arg-type]
    monkeypatch.setattr(Inputs, "_tokenized", counting)
    for attack in attacks:
        for text, label in zip(texts, labels, strict=True):
            calls.clear()
            attack.attack(text, label)
            assert len(calls) == 1
        calls.clear()
        assert len(list(attack.attack_many(zip(texts, labels, strict=True)))) == len(texts)
        assert len(calls) == len(texts)


def test_a_structure_is_seen_outside_an_attack_too(make_victim: MakeVictim) -> None:
    attack = build(make_victim(), **LOOSE)
    victim, text = attack.goal_function.victim, random_texts(1)[0]
    shape = victim.empty_structure(text).shape
    whole = Structure.whole(shape, [(0, 0), (LAYERS - 1, 1)])
    structured = StructuredText.of(AttackedText(text), whole)
    attack.goal_function.init_attack_example(AttackedText(text), prediction(victim, text))
    nothing = victim.empty_structure(text)
    for asked, structure in ((structured, whole), (AttackedText(text), nothing)):
        (result,), _ = attack.goal_function.get_results([asked])
        expected = victim.logits([text], [structure]).double().softmax(-1)[0]
        torch.testing.assert_close(torch.as_tensor(result.raw_output), expected)


def test_searches_are_refused_in_an_attack_of_textattacks(make_victim: MakeVictim) -> None:
    ours = build(make_victim(), **LOOSE)
    theirs = Attack(ours.goal_function, [], ours.transformation, ours.search_method)
    text = random_texts(1)[0]
    with pytest.raises(InvalidInputError, match="expected a StructureAttack around it"):
        theirs.attack(text, prediction(ours.goal_function.victim, text))


def test_numpys_labels_are_labels(make_victim: MakeVictim) -> None:
    attack = build(make_victim(), **LOOSE)
    text = random_texts(1)[0]
    label = prediction(attack.goal_function.victim, text)
    numpys: Any = np.int64(label)
    assert decision(attack.attack(text, numpys)) == decision(attack.attack(text, label))


def test_a_wrappers_precision_is_that_of_the_search(make_victim: MakeVictim) -> None:
    victim = make_victim()
    own = AttentionModelWrapper(victim.model, victim.tokenizer, precision="bfloat16")
    theirs = HuggingFaceModelWrapper(victim.model, victim.tokenizer)
    for recipe in (HackAttendLiong2024, HackAttendPlus):
        assert recipe.build(own).goal_function.model is own
        assert recipe.build(own, precision="float32").goal_function.victim.precision == "float32"
        assert recipe.build(theirs).goal_function.victim.precision == "float32"


def test_a_query_budget_is_never_exceeded_and_changes_nothing_before_it(
    make_victim: MakeVictim,
) -> None:
    attack = build(make_victim(), **LOOSE)
    results = run(attack, random_texts(8))
    whole = next(r for r in results if type(r).__name__ == "SuccessfulAttackResult")
    label = whole.original_result.ground_truth_output
    assert isinstance(whole.text, str)
    for budget in range(1, whole.num_queries + 1):
        attack.goal_function.query_budget = budget
        result = attack.attack(whole.text, label)
        assert result.num_queries <= budget
        reached = ceil(whole.candidate_queries / HEADS)
        needed = 1 + LAYERS + reached * HEADS + whole.candidate_queries
        if budget >= needed:
            assert decision(result) == decision(whole)
        else:
            assert decision(result)[0] == "FailedAttackResult"


def test_rankings_without_a_gradient_make_no_gradient_pass(make_victim: MakeVictim) -> None:
    text = random_texts(1)[0]
    for ranking in ("attention", "random"):
        attack = build(make_victim(), ranking=ranking, importance="random")
        result = attack.attack(text, prediction(attack.goal_function.victim, text))
        assert result.gradient_passes == 0
        assert result.num_queries <= 1 + LAYERS * HEADS  # no probes either


def test_a_misclassified_text_is_skipped_after_one_query(make_victim: MakeVictim) -> None:
    attack = build(make_victim())
    text = random_texts(1)[0]
    wrong = (prediction(attack.goal_function.victim, text) + 1) % 3
    result = attack.attack(text, wrong)
    assert decision(result) == ("SkippedAttackResult", result.structure, 0)
    assert (result.num_queries, result.gradient_passes, len(result.structure)) == (1, 0, 0)


# --- options ---


def test_a_targeted_attack_reaches_its_class_or_fails(victim: Victim) -> None:
    outcomes = set()
    for text in random_texts(8):
        label, runner_up = victim.logits([text])[0].argsort(descending=True)[:2].tolist()
        attack = build(victim, target_class=runner_up, mask_fraction=0.5)
        result = attack.attack(text, label)
        reached = bool(victim.logits([text], [result.structure])[0].argmax() == runner_up)
        assert reached == (type(result).__name__ == "SuccessfulAttackResult")
        outcomes.add(reached)
    assert True in outcomes


def test_a_text_that_is_of_the_target_class_already_is_skipped(make_victim: MakeVictim) -> None:
    victim = make_victim()
    text = random_texts(1)[0]
    label = prediction(victim, text)
    attack = build(victim, target_class=label)
    assert decision(attack.attack(text, label))[0] == "SkippedAttackResult"
    assert decision(attack.attack(text, (label + 1) % 3))[0] == "SkippedAttackResult"


def test_seeds_decide_random_choices(make_victim: MakeVictim) -> None:
    texts = random_texts(6)

    def structures(seed: int | None) -> list[Structure]:
        attack = build(make_victim(), ranking="random", importance="random", seed=seed)
        return [result.structure for result in run(attack, texts)]

    assert structures(1) == structures(1) != structures(2)
    torch.manual_seed(1)
    assert structures(None) == structures(1)


def test_draws_that_miss_every_unit_count_as_candidates(make_victim: MakeVictim) -> None:
    """The released code counts them, too: most of its random units fall on padding."""
    victim = make_victim()
    wrapper = AttentionModelWrapper(victim.model, victim.tokenizer)
    attack = HackAttendRandom.build(wrapper, preset="released", seed=3)
    results = run(attack, random_texts(12))
    missed = [result for result in results if not len(result.structure)]
    assert missed
    assert kinds(missed) == {"FailedAttackResult"}
    assert {result.num_queries for result in missed} == {1 + LAYERS * HEADS}
    found = sum(len(result.structure) for result in results)
    honest = run(HackAttendRandom.build(wrapper, seed=3), random_texts(12))
    assert found < sum(len(result.structure) for result in honest) / 10


def test_more_layers_and_heads_than_the_model_has_mean_all(make_victim: MakeVictim) -> None:
    texts = random_texts(4)
    all_of_them = build(make_victim(), **LOOSE, max_layers=LAYERS, max_heads=HEADS)
    assert decide(build(make_victim(), **LOOSE, max_layers=99), texts) == decide(all_of_them, texts)


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [
        (HackAttendHalfScale, ("probability_gradient", "probability", 6, 6)),
        (HackAttendRandom, ("random", "random", 12, 12)),
        (HackAttendImportanceOnly, ("random", "probability", 12, 12)),
        (HackAttendGradientOnly, ("probability_gradient", "random", 12, 12)),
        (HackAttendAttentionRanking, ("attention", "probability", 12, 12)),
    ],
)
def test_recipes_are_the_papers_configurations(
    make_victim: MakeVictim, recipe: type, settings: tuple[str, str, int, int]
) -> None:
    victim = make_victim()
    attack = recipe.build(AttentionModelWrapper(victim.model, victim.tokenizer))  # type: ignore[attr-defined]
    search = attack.search_method
    found = (attack.transformation.ranking, search.importance, search.max_layers, search.max_heads)
    assert found == settings
    assert attack.transformation.budget == Budget(0.01, spare_first_token=True)
    assert search.accumulate


# --- TextAttack ---


def test_texts_differ_by_their_structure() -> None:
    text, shape = AttackedText("a film"), Shape(1, 1, 4)
    one = StructuredText.of(text, Structure.from_units(shape, [(0, 0, 1, 1)]))
    other = StructuredText.of(text, Structure.from_units(shape, [(0, 0, 1, 2)]))
    assert one == StructuredText.of(text, one.structure)
    assert len({one, other, StructuredText.of(text, one.structure)}) == 2
    assert one.text == other.text == "a film"


def test_text_pairs_are_attacked_as_one_input(make_victim: MakeVictim) -> None:
    victim = make_victim()
    attack = build(victim, **LOOSE)
    pair = OrderedDict(premise="the film was good", hypothesis="a great plot")
    label = int(victim.logits([tuple(pair.values())])[0].argmax())
    result = attack.attack(pair, label)
    assert result.structure.shape.tokens == 4 + 3 + 3
    assert result.tokens.count("[SEP]") == 2


def attack_elsewhere(
    attack: StructureAttack, text: str, label: int, answers: multiprocessing.Queue[Decision]
) -> None:
    torch.set_num_threads(1)
    answers.put(decision(attack.attack(text, label)))


def test_a_spawned_process_decides_the_same(make_victim: MakeVictim) -> None:
    """What ``--parallel`` does: pickle the attack, spawn, attack there, pickle the result back."""
    victim = make_victim()
    attack = build(victim, **LOOSE)
    text = random_texts(1)[0]
    expected = attack.attack(text, prediction(victim, text))
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[Decision] = context.Queue()
    given = (attack, text, prediction(victim, text), answers)
    process = context.Process(target=attack_elsewhere, args=given)
    process.start()
    assert answers.get(timeout=120) == decision(expected)
    process.join()
    assert decision(pickle.loads(pickle.dumps(expected))) == decision(expected)
