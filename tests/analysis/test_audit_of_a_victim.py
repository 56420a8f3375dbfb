"""The audit of a victim, with answers computed by hand, and on the victim of the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from textattack_attend.analysis.audit import FRACTIONS, Audit, audit
from textattack_attend.analysis.telling_pairs import COLUMNS, telling_pairs
from textattack_attend.attacks.effects import pairs_by_effect
from textattack_attend.benchmark import Results, Store
from textattack_attend.benchmark.row import Row
from textattack_attend.datasets import DemoReviews
from textattack_attend.demo import VICTIM_PATH
from textattack_attend.errors import InvalidInputError
from textattack_attend.models.wrappers import AttentionModelWrapper, wrapper_for
from textattack_attend.report.audit_page import audit_page
from textattack_attend.structures import decode

from ..helpers.stored_results import results_of, row

NO_PAIRS = pd.DataFrame(columns=COLUMNS)


@pytest.fixture(scope="module")
def wrapper() -> AttentionModelWrapper:
    return wrapper_for(str(VICTIM_PATH))


def _rows(outcomes: str) -> list[Row]:
    """Returns a row for each letter: s for a success, f for a failure, k for a skipped one."""
    known = {"s": "succeeded", "f": "failed", "k": "skipped"}
    return [
        row(n, known[one], seconds=2.0, queries=0 if one == "k" else 10)
        for n, one in enumerate(outcomes)
    ]


def _audit(tmp_path: Path, outcomes: dict[str, str], budgets: dict[float, str]) -> Audit:
    attacked = {("V", attack, "v"): _rows(own) for attack, own in outcomes.items()}
    varied = {("V", f"+ {fraction}", "v"): _rows(own) for fraction, own in budgets.items()}
    named = {
        f"+ {fraction}": {"recipe": "hackattend-plus", "options": {"mask_fraction": fraction}}
        for fraction in budgets
    }
    results = results_of(Store(tmp_path / "attacks.sqlite"), attacked)
    curve = results_of(Store(tmp_path / "budgets.sqlite"), varied, attacks=named)
    return Audit([], results, "", curve, NO_PAIRS)


OUTCOMES = {"HackAttend": "sffk", "HackAttend+": "ssfk", "words": "sssk"}
BUDGETS = {0.001: "fffk", 0.1: "sffk"}


def test_the_sentence_counts_by_hand(tmp_path: Path) -> None:
    assert _audit(tmp_path, OUTCOMES, BUDGETS).sentence == (
        "HackAttend flips 1 of 3 right predictions, and HackAttend+ flips 2 of 3, by masking at "
        "most 1% of each attention matrix, or one unit where that is less; words flips 3 of 3."
    )


def test_attacks_and_the_curve_by_hand(tmp_path: Path) -> None:
    done = _audit(tmp_path, OUTCOMES, BUDGETS)
    assert list(done.attacks["attack"]) == list(OUTCOMES)
    shares = [said.partition(" ")[0] for said in done.attacks["ASR"]]
    assert shares == ["33.3%", "66.7%", "100.0%"]
    assert list(done.attacks["queries"]) == ["10.0"] * 3
    assert list(done.attacks["seconds"]) == ["2.67"] * 3  # 8 seconds, 3 of 4 attacked
    assert done.curve[["mask_fraction", "accuracy"]].to_numpy().tolist() == [
        [0.001, 0.75],
        [0.1, 0.5],
    ]
    assert (done.curve["low"] <= done.curve["accuracy"]).all()
    assert (done.curve["high"] >= done.curve["accuracy"]).all()


def test_an_audit_without_a_right_answer_says_so(tmp_path: Path) -> None:
    done = _audit(tmp_path, dict.fromkeys(OUTCOMES, "kkk"), {0.1: "kkk"})
    assert done.sentence == "No example was attacked: the victim has none of 3 right."
    assert done.attacks.loc[0].to_dict() == {
        "attack": "HackAttend",
        "ASR": "",
        "queries": "",
        "seconds": "",
    }
    assert list(done.curve["accuracy"]) == [0]


def test_nothing_of_a_label_is_markup(tmp_path: Path) -> None:
    done = _audit(
        tmp_path, {**OUTCOMES, "<script>alert(1)</script>": "sssk"}, {0.001: "fffk", 0.1: "sffk"}
    )
    hostile = Audit(["<script>alert(2)</script>"], done.results, "", done.budgets, done.pairs)
    page = audit_page(hostile, "<script>alert(3)</script>")
    assert "attack=%2B+0.1&" not in page, "the page has no examples of other budgets to link to"
    assert "<script>alert" not in page
    assert page.index("&lt;script&gt;alert(2)") < page.index("&lt;script&gt;alert(1)")


def test_pairs_are_those_of_the_successes_with_the_fewest_units(
    wrapper: AttentionModelWrapper, whole: Audit
) -> None:
    rows = whole.results.rows[whole.results.rows["attack"] == "HackAttend+"]
    masked = rows[rows["masked"].notna()]
    units = {p: len(decode(m)) for p, m in zip(masked["position"], masked["masked"], strict=True)}
    fewest = sorted(units, key=lambda position: (units[position], position))[:3]
    assert list(whole.pairs["position"].unique()) == fewest
    columns, label = DemoReviews()[fewest[0]]
    (text,) = columns.values()
    structure = decode(masked.set_index("position").loc[fewest[0], "masked"])
    expected = pairs_by_effect(wrapper.victim, text, structure, label).head(5)
    found = whole.pairs[whole.pairs["position"] == fewest[0]]
    names = ["layer", "head", "query", "key"]
    assert found[names].to_numpy().tolist() == expected[names].to_numpy().tolist()
    assert found["effect"].to_numpy() == pytest.approx(expected["effect"].to_numpy(), abs=1e-5)
    assert telling_pairs(wrapper, DemoReviews(), rows[rows["masked"].isna()]).empty


SIZE = 5


@pytest.fixture(scope="module")
def whole(wrapper: AttentionModelWrapper) -> Audit:
    return audit(wrapper, DemoReviews(), num_examples=SIZE)


def test_an_audit_in_memory(whole: Audit) -> None:
    assert whole.warnings == []
    assert list(whole.attacks["attack"]) == ["HackAttend", "HackAttend+", "deepwordbug"]
    assert list(whole.curve["mask_fraction"]) == list(FRACTIONS)
    plus = whole.results.rows.query("attack == 'HackAttend+'")["outcome"]
    (at_one_percent,) = whole.curve.query("mask_fraction == 0.01")["accuracy"]
    assert at_one_percent == (plus == "failed").mean()


def test_an_interrupted_audit_attacks_what_is_left(
    wrapper: AttentionModelWrapper, whole: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[int] = []
    original = Store.add

    def interrupting(self: Store, cell: str, one: Any) -> None:
        if len(added) == SIZE + 3:
            added.append(-1)
            raise KeyboardInterrupt
        added.append(one.position)
        original(self, cell, one)

    monkeypatch.setattr(Store, "add", interrupting)
    examples = [
        (text, label) for (text,), label in ((tuple(c.values()), n) for c, n in DemoReviews())
    ]

    def again() -> Audit:
        return audit(wrapper, examples, num_examples=SIZE, store=tmp_path / "audit.sqlite")

    with pytest.raises(KeyboardInterrupt):
        again()
    done = again()
    assert not (tmp_path / "audit.sqlite-wal").exists(), "the store is closed"
    cells = 3 + len(FRACTIONS) - 1  # the curve shares one of its budgets with the attacks
    assert len(added) == cells * SIZE + 1
    for one, other in ((done.results, whole.results), (done.budgets, whole.budgets)):
        assert _comparable(one) == _comparable(other)
    assert done.sentence == whole.sentence
    # Other commands show the attacks of the store, and not the budgets.
    assert set(Results.of(Store(tmp_path / "audit.sqlite")).rows["attack"]) == set(
        whole.results.rows["attack"]
    )


def _comparable(results: Results) -> str:
    names = ["attack", "position", "outcome", "masked", "queries"]
    return str(results.rows.sort_values(names[:2])[names].to_csv(index=False))


def test_mistakes_leave_no_store(wrapper: AttentionModelWrapper, tmp_path: Path) -> None:
    store = tmp_path / "audit.sqlite"
    with pytest.raises(InvalidInputError, match="did you mean 'textfooler'"):
        audit(wrapper, DemoReviews(), attacks=["textfoler"], store=store)
    with pytest.raises(InvalidInputError, match="example 1 of the dataset"):
        audit(wrapper, [("a good film", 1), ("a bad film", 2)], store=store)
    with pytest.raises(InvalidInputError, match="num_examples"):
        audit(wrapper, DemoReviews(), num_examples=0, store=store)
    assert not store.exists()
