"""RougeLIndex decides as rouge_score does: on every pair, on whole streams, float for float, with and without numba."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import _score_lcs

from distilabel_selfinstruct.text.rouge import Match, RougeLIndex
from distilabel_selfinstruct.text.rouge import index as rouge
from distilabel_selfinstruct.text.rouge.bounds import f_measure
from tests.text.rouge.pairs import (
    BOUNDARY,
    SCORER,
    Corpus,
    expected_matches,
    expected_nearest,
    pair_with,
    read_json_lines,
    rouge_score_matrix,
)

THRESHOLDS = [0.0, 0.3, 0.5, 0.7, 0.8, 1.0]


def assert_every_pair_is_exact(corpus: Corpus, implementation: Any) -> None:
    index = RougeLIndex(implementation=implementation)
    index.load(corpus.texts)
    for text, expected in zip(*corpus, strict=True):
        best, mean = index.similarities(text, k=len(index))
        assert [match.position for match in best] == np.argsort(-expected, kind="stable").tolist()
        assert [match.score for match in best] == sorted(expected.tolist(), reverse=True)
        assert mean == float(np.mean(expected))


# Scores


def test_every_pair_of_real_texts_scores_as_with_rouge_score(real: Corpus, implementation: Any) -> None:
    assert_every_pair_is_exact(real, implementation)


@pytest.mark.slow
def test_every_pair_of_all_real_texts_scores_as_with_rouge_score(all_real: Corpus, implementation: Any) -> None:
    assert_every_pair_is_exact(all_real, implementation)


def test_every_pair_of_hard_texts_scores_as_with_rouge_score(hard: Corpus, implementation: Any) -> None:
    assert_every_pair_is_exact(hard, implementation)


def test_the_order_of_a_pair_does_not_matter(hard: Corpus) -> None:
    rng = random.Random(3)
    for text, other in (rng.choices(hard.texts, k=2) for _ in range(2000)):
        index = RougeLIndex()
        index.load([other])
        there, back = SCORER.score(text, other)["rougeL"].fmeasure, SCORER.score(other, text)["rougeL"].fmeasure
        assert there == back == index.similarities(text).best[0].score


def test_the_floats_decide_at_the_threshold() -> None:
    """F is 0.7 in all of these; rouge_score's float is above it in some and the authors reject exactly those."""
    rejected = []
    for shape in BOUNDARY:
        text, other = pair_with(*shape, random.Random(4))
        index = RougeLIndex()
        index.add(other)
        if not index.add(text):
            rejected.append(shape)
        assert (shape in rejected) == (SCORER.score(text, other)["rougeL"].fmeasure > 0.7)
    assert 0 < len(rejected) < len(BOUNDARY)


# Decisions


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("corpus", ["real", pytest.param("all_real", marks=pytest.mark.slow), "hard", "stream"])
def test_every_text_of_a_stream_is_decided_as_with_rouge_score(
    request: pytest.FixtureRequest, corpus: str, implementation: Any, threshold: float
) -> None:
    texts, scores = request.getfixturevalue(corpus)
    index = RougeLIndex(threshold, implementation=implementation)
    assert index.admit_batch(texts) == expected_matches(scores, threshold)


@pytest.mark.slow
def test_rapidfuzz_stands_for_rouge_score(stream: Corpus) -> None:
    texts, scores = stream
    sample = np.random.default_rng(0).integers(len(texts), size=(20_000, 2))
    likely = np.argwhere(scores > 0.6)[::50]
    for i, j in np.concatenate([sample, likely]):
        assert _score_lcs(texts[i].split(), texts[j].split()).fmeasure == scores[i, j]


def test_one_by_one_and_in_batches_is_the_same(stream: Corpus, implementation: Any) -> None:
    texts, _ = stream
    whole, single, parts = (RougeLIndex(implementation=implementation) for _ in range(3))
    decisions = whole.add_batch(texts)
    assert [single.add(text) for text in texts] == decisions
    assert [kept for at in range(0, len(texts), 7) for kept in parts.add_batch(texts[at : at + 7])] == decisions
    assert whole.texts == single.texts == parts.texts
    assert [text for text, kept in zip(texts, decisions, strict=True) if kept] == whole.texts
    assert len(whole) == sum(decisions)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7])
def test_nearest_is_the_highest_and_of_equal_ones_the_first(
    stream: Corpus, implementation: Any, threshold: float
) -> None:
    texts, scores = stream
    index = RougeLIndex(threshold, implementation=implementation)
    index.load(texts[:2000])
    for i in range(2000, 2500):
        assert index.nearest(texts[i]) == expected_nearest(scores[i, :2000], threshold)
    assert len(index) == 2000


def test_nearest_does_not_admit(implementation: Any) -> None:
    index = RougeLIndex(implementation=implementation)
    assert index.nearest("Write a poem about the sea.") is None
    assert index.add("Write a poem about the sea.")
    assert index.nearest("write a poem about the sea") == Match(0, 1.0)


def test_the_nearest_of_many_texts_at_once(stream: Corpus, implementation: Any) -> None:
    texts, _ = stream
    index = RougeLIndex(0.5, implementation=implementation)
    index.load(texts[:500])
    asked = [*texts[400:700], "", "words that nobody has"]
    assert index.nearest_batch(asked) == [index.nearest(text) for text in asked]
    assert index.nearest_batch([]) == []
    assert len(index) == 500


def test_admit_gives_the_neighbour_or_admits(implementation: Any) -> None:
    index = RougeLIndex(implementation=implementation)
    assert index.admit("Write a poem about the sea.") is None
    assert index.admit("Name three rivers of Europe.") is None
    assert index.admit("Name four rivers of Europe.") == Match(1, 0.8000000000000002)
    assert index.texts == ["Write a poem about the sea.", "Name three rivers of Europe."]


# Property tests

words = st.lists(st.sampled_from(["a", "b", "c", "d", "the", "of"]), max_size=14)
lists_of_texts = st.lists(words.map(" ".join), min_size=1, max_size=14)
thresholds = st.one_of(
    st.floats(0, 1),
    st.tuples(st.integers(0, 14), st.integers(1, 14), st.integers(1, 14)).map(  # exactly a score that occurs
        lambda shape: min(1.0, f_measure(min(shape), shape[1], shape[2]))
    ),
)


@pytest.mark.slow
@given(texts=lists_of_texts, threshold=thresholds)
def test_any_stream_is_decided_as_with_rouge_score(texts: list[str], threshold: float) -> None:
    expected = expected_matches(rouge_score_matrix(texts), threshold)
    for implementation in available_implementations():
        assert RougeLIndex(threshold, implementation=implementation).admit_batch(texts) == expected


@settings(max_examples=100)
@given(texts=st.lists(st.text(max_size=40), max_size=8), text=st.text(max_size=40))
def test_any_text_at_all_scores_as_with_rouge_score(texts: list[str], text: str) -> None:
    expected = [SCORER.score(text, other)["rougeL"].fmeasure for other in texts]
    for implementation in available_implementations():
        index = RougeLIndex(implementation=implementation)
        index.load(texts)
        best, mean = index.similarities(text, k=len(texts))
        assert {match.position: match.score for match in best} == dict(enumerate(expected))
        assert mean == (float(np.mean(expected)) if expected else 0.0)


def available_implementations() -> Iterator[Any]:
    yield "python"
    if rouge._numba_pool() is not None:
        yield "numba"


# Texts of any length


@pytest.mark.parametrize(("threshold", "expected"), [(0.95, None), (0.85, Match(0, 0.9)), (0.05, Match(0, 0.9))])
def test_texts_of_20_000_words(implementation: Any, threshold: float, expected: Match | None) -> None:
    rng = random.Random(5)
    text = [f"w{rng.randrange(2000)}" for _ in range(20_000)]
    edited = [f"x{place}" if place % 10 == 0 else word for place, word in enumerate(text)]
    index = RougeLIndex(threshold, implementation=implementation)
    assert index.add(" ".join(text))
    assert index.nearest(" ".join(edited)) == expected
    assert index.similarities(" ".join(edited)).best == [Match(0, 0.9)]


def test_a_text_without_words_is_never_a_duplicate(implementation: Any) -> None:
    index = RougeLIndex(0.0, implementation=implementation)
    assert index.add_batch(["", "?!", "", "one word", "?!", "one"]) == [True, True, True, True, True, False]
    assert index.similarities("?!", k=2) == ([Match(0, 0.0), Match(1, 0.0)], 0.0)


# Similarities


def test_the_most_similar_come_best_first_and_of_equal_ones_the_first(implementation: Any) -> None:
    index = RougeLIndex(implementation=implementation)
    index.load(["a b c d", "x", "a b", "a b c d", "a b"])
    best, mean = index.similarities("a b c d", k=4)
    assert best == [Match(0, 1.0), Match(3, 1.0), Match(2, 2 / 3), Match(4, 2 / 3)]
    assert mean == float(np.mean([1.0, 0.0, 2 / 3, 1.0, 2 / 3]))


@pytest.mark.parametrize("k", [0, 1, 3, 10])
def test_no_more_than_the_pool_has(implementation: Any, k: int) -> None:
    index = RougeLIndex(implementation=implementation)
    assert index.similarities("a", k) == ([], 0.0)
    index.load(["a", "a b", "c"])
    assert [match.position for match in index.similarities("a", k).best] == [0, 1, 2][:k]


def test_the_recorded_run_of_the_authors_is_reproduced(official_data: Path, implementation: Any) -> None:
    seeds = [row["instruction"] for row in read_json_lines(official_data / "seed_tasks_official.jsonl")]
    recorded = read_json_lines(official_data / "official_run_davinci" / "machine_generated_instructions.jsonl")
    index = RougeLIndex(implementation=implementation)
    index.load(seeds)
    for row in recorded:
        best, mean = index.similarities(row["instruction"], k=len(index))
        scores = {index.texts[match.position]: match.score for match in best}
        most_similar = row["most_similar"]
        assert {text: scores[text] for text in most_similar} == most_similar
        assert [match.score for match in best[: len(most_similar)]] == sorted(most_similar.values(), reverse=True)
        assert mean == row["avg_similarity_score"]
        assert index.add(row["instruction"])


# Other scripts


@pytest.mark.parametrize(
    ("text", "similar", "different"),
    [
        ("写一首关于春天的短诗。", "写一首关于秋天的短诗。", "把这句话翻译成英语。"),
        ("اكتب قصيدة قصيرة عن فصل الربيع.", "اكتب قصيدة قصيرة عن فصل الشتاء.", "ترجم هذه الجملة إلى الإنجليزية."),
        ("वसंत के बारे में एक कविता लिखें।", "वर्षा के बारे में एक कविता लिखें।", "इस वाक्य का अनुवाद करें।"),
        ("เขียนบทกวีเกี่ยวกับฤดูร้อน", "เขียนบทกวีเกี่ยวกับฤดูหนาว", "แปลประโยคนี้เป็นภาษาอังกฤษ"),
        ("Напишите стихотворение о весне и любви.", "Напишите стихотворение о море и любви.", "Переведите текст."),
    ],
    ids=["Chinese", "Arabic", "Hindi", "Thai", "Russian"],
)
def test_duplicates_in_every_script(implementation: Any, text: str, similar: str, different: str) -> None:
    index = RougeLIndex(tokenizer="unicode", implementation=implementation)
    assert index.add_batch([text, text, similar, different]) == [True, False, False, True]


def test_rouge_score_knows_no_words_but_ascii_ones(implementation: Any) -> None:
    index = RougeLIndex(tokenizer="rouge", implementation=implementation)
    assert index.add_batch(["写一首诗", "写一首诗", "写 abc", "写一首 abc"]) == [True, True, True, False]


# The object


def test_load_admits_without_checks_and_restores_the_pool(implementation: Any) -> None:
    index = RougeLIndex(implementation=implementation)
    index.load(iter(["a b c", "a b c", "d e f"]))
    assert len(index) == 3
    assert index.nearest("a b c") == Match(0, 1.0)
    again = RougeLIndex(implementation=implementation)
    again.load(index.texts)
    assert [again.admit(text) for text in ("d e f", "g h", "g h")] == [Match(2, 1.0), None, Match(3, 1.0)]


def test_a_pickled_index_goes_on_as_before(implementation: Any) -> None:
    index = RougeLIndex(0.5, "unicode", implementation)
    index.add_batch(["写一首诗", "a b c d"])
    again = pickle.loads(pickle.dumps(index))
    assert (again.threshold, again.tokenizer, again.implementation) == (0.5, "unicode", implementation)
    assert again.texts == index.texts
    assert again.add_batch(["写一首歌", "a b x y"]) == index.add_batch(["写一首歌", "a b x y"]) == [False, True]


def test_a_text_that_is_none_leaves_the_index_as_it_was(implementation: Any) -> None:
    index = RougeLIndex(implementation=implementation)
    for texts in (["a b c", None], [*(f"text {number}" for number in range(1500)), None]):
        with pytest.raises(TypeError, match="texts must be strings, got None"):
            index.add_batch(texts)  # type: ignore[arg-type]
    assert len(index) == 0
    assert index.add_batch(["a b c", "a b c"]) == [True, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 1.5}, "threshold must be from 0 to 1, got 1.5"),
        ({"threshold": float("nan")}, "threshold must be from 0 to 1, got nan"),
        ({"tokenizer": "words"}, "tokenizer must be one of rouge, unicode, got 'words'"),
        ({"implementation": "c"}, "implementation must be one of auto, python, numba, got 'c'"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RougeLIndex(**options)
