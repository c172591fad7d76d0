"""ROUGE-L and exact match: those of Tk-Instruct's script, of which the authors' own predictions have known answers."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from distilabel_selfinstruct.evaluation.metrics import metric_of, normalised, rouge_l, scores_of, words_for

STEMMING = RougeScorer(["rougeL"], use_stemmer=True)
TEXTS = st.text(st.sampled_from("abcdehilnorst   ,.-'é7\nAT"), max_size=120)


class Spaces:
    """The tokenizer of tasks that are not English."""

    def tokenize(self, text: str) -> list[str]:
        return text.split()


SPACES = RougeScorer(["rougeL"], tokenizer=Spaces())


def tk_instruct(response: str, references: list[str], is_english: bool = True) -> tuple[float, float]:
    """Tk-Instruct's rules, written down anew with rouge_score: ROUGE-L and exact match."""
    scorer = STEMMING if is_english else SPACES
    best = max(scorer.score(target=each, prediction=response)["rougeL"].fmeasure for each in references)

    def plain(text: str) -> str:
        without = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
        return re.sub(r"\s+", " ", without).strip()

    return best, float(any(plain(each) == plain(response) for each in references))


def recorded(official_data: Path) -> Iterator[tuple[str, str, str]]:
    """Model, response and right answer of each prediction of the authors' models."""
    for path in sorted((official_data / "human_eval_predictions").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            yield path.stem, row["response"], row["target"]


def test_known_answers_of_the_authors_models(official_data: Path) -> None:
    by_model: dict[str, list[float]] = {}
    for model, response, target in recorded(official_data):
        by_model.setdefault(model, []).append(rouge_l(response, [target]))
    assert {model: round(100 * sum(scores) / len(scores), 2) for model, scores in by_model.items()} == {
        "davinci": 2.83,
        "davinci-t0-ft": 17.17,
        "davinci-self-instruct": 28.13,
        "text-davinci-001": 29.00,
        "text-davinci-003": 33.64,
    }


@pytest.mark.slow
def test_no_difference_from_tk_instruct_on_real_predictions(official_data: Path) -> None:
    """With one reference, with several, and with the words of a task that is not English."""
    every = list(recorded(official_data))
    different = []
    for at, (model, response, target) in enumerate(every):
        references = [target, every[at - 1][2]]
        for is_english in (True, False):
            ours = scores_of(response, references, "stemmed" if is_english else "spaced")
            if (ours["rouge_l"], ours["exact_match"]) != tk_instruct(response, references, is_english):
                different.append((model, at, is_english))
    assert different == []
    assert len(every) == 5 * 252


@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=3), st.booleans())
def test_no_difference_from_tk_instruct_on_any_text(response: str, references: list[str], is_english: bool) -> None:
    ours = scores_of(response, references, "stemmed" if is_english else "spaced")
    assert (ours["rouge_l"], ours["exact_match"]) == tk_instruct(response, references, is_english)


@pytest.mark.parametrize(
    ("response", "reference", "points"),
    [
        ("The dogs were running.", "dog running", 0.8),  # stemmed: dog, run; "the" and "were" are too much
        ("", "dog", 0.0),
        ("dog", "", 0.0),
        ("!!!", "???", 0.0),
        ("cat dog", "dog cat", 0.5),
    ],
)
def test_rouge_l_of_short_texts(response: str, reference: str, points: float) -> None:
    expected = {0.8: 2 * 2 / 6}.get(points, points)
    assert rouge_l(response, [reference]) == pytest.approx(expected)


def test_the_best_reference_counts_for_each_metric_by_itself() -> None:
    scores = scores_of("a very long day", ["very long day", "A very long day!"])
    assert scores == {"rouge_l": 1.0, "exact_match": 1.0}
    assert scores_of("nothing", []) == {"rouge_l": 0.0, "exact_match": 0.0}


def test_exact_match_keeps_articles_and_forgets_case_punctuation_and_spaces() -> None:
    assert normalised("  The   Cat, sat!\n") == "the cat sat"
    assert scores_of("the cat", ["cat"])["exact_match"] == 0.0
    assert scores_of("Yes.", ["yes"])["exact_match"] == 1.0
    assert scores_of("«yes»", ["yes"])["exact_match"] == 0.0  # punctuation is that of ASCII


def test_words_of_a_task_that_is_not_english_stay_as_they_are() -> None:
    assert rouge_l("Das Häuschen", ["Das Häuschen"], "spaced") == 1.0
    assert rouge_l("runs", ["running"], "spaced") == 0.0
    assert rouge_l("runs", ["running"]) == 1.0


def test_rows_of_other_scripts_have_words_too() -> None:
    assert words_for(["今天天气很好"]) == "unicode"
    assert words_for(["Das Häuschen ist schön", "42"]) == "stemmed"
    assert words_for(["42", ""]) == "stemmed"
    assert rouge_l("今天很好", ["今天天气很好"], "unicode") == pytest.approx(0.8)
    assert rouge_l("今天很好", ["今天天气很好"]) == 0.0  # as rouge_score has it


@pytest.mark.parametrize(
    ("category", "metric"),
    [
        ("Textual Entailment", "exact_match"),
        ("Cause Effect Classification", "exact_match"),
        ("Coreference Resolution", "exact_match"),
        ("Dialogue Act Recognition", "exact_match"),
        ("Answerability Classification", "exact_match"),
        ("Word Analogy", "exact_match"),
        ("word_analogy", "exact_match"),
        ("Overlap Extraction", "rouge_l"),
        ("Data to Text", "rouge_l"),
        ("Grammar Error Correction", "rouge_l"),
        ("", "rouge_l"),
    ],
)
def test_the_metric_of_a_category(category: str, metric: str) -> None:
    assert metric_of(category) == metric
