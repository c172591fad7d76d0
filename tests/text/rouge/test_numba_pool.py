"""When numba takes over, and what there is without it."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any

import pytest

from distilabel_selfinstruct.errors import MissingExtraError
from distilabel_selfinstruct.text.rouge import RougeLIndex
from distilabel_selfinstruct.text.rouge import index as rouge
from distilabel_selfinstruct.text.rouge.python_pool import PythonPool
from tests.support.waiting import LIMIT
from tests.text.rouge.pairs import OTHER_SCRIPTS, Corpus, expected_matches, similar_texts


def test_numba_takes_over_when_the_pool_is_large_and_nobody_notices(
    monkeypatch: pytest.MonkeyPatch, stream: Corpus
) -> None:
    numba_pool = pytest.importorskip("distilabel_selfinstruct.text.rouge.numba_pool").NumbaPool
    texts, scores = stream
    monkeypatch.setattr(rouge, "_NUMBA_PAYS_FROM", 1000)
    index = RougeLIndex()
    matches = [index.admit(text) for text in texts[:500]]
    assert isinstance(index._pool, PythonPool)
    matches += index.admit_batch(texts[500:2000]) + [index.admit(text) for text in texts[2000:]]
    assert isinstance(index._pool, numba_pool)
    assert matches == expected_matches(scores, 0.7)


@pytest.mark.parametrize("switch", [2, 255, 256, 1000, 1024])  # the index is ordered anew at 256 and 1,024 texts
@pytest.mark.parametrize("tokenizer", ["rouge", "unicode"])
def test_a_pool_that_outgrows_python_decides_as_either_pool_alone(
    monkeypatch: pytest.MonkeyPatch, tokenizer: Any, switch: int
) -> None:
    numba_pool = pytest.importorskip("distilabel_selfinstruct.text.rouge.numba_pool").NumbaPool
    texts = [*OTHER_SCRIPTS, *similar_texts(1700, seed=switch), *OTHER_SCRIPTS]
    monkeypatch.setattr(rouge, "_NUMBA_PAYS_FROM", switch)
    growing, python, numba = (RougeLIndex(0.6, tokenizer, each) for each in ("auto", "python", "numba"))
    for start in range(0, len(texts), 10):
        part = texts[start : start + 10]
        was_large = len(growing) + len(part) >= switch
        matches = growing.admit_batch(part)
        assert matches == python.admit_batch(part) == numba.admit_batch(part)
        assert isinstance(growing._pool, numba_pool) == was_large
    assert growing.texts == python.texts == numba.texts
    for text in texts[::50]:
        assert growing.nearest(text) == python.nearest(text) == numba.nearest(text)
        assert growing.similarities(text) == python.similarities(text) == numba.similarities(text)


def long_and_short_texts(count: int) -> list[str]:
    """Of 1 to 150 words, many of them again and again in a text; a third are earlier ones, edited."""
    rng = random.Random(8)
    texts: list[list[str]] = []
    for _ in range(count):
        text = [f"v{int(rng.paretovariate(0.7)) % 900}" for _ in range(rng.choice([1, 5, 12, 62, 63, 64, 100, 150]))]
        if texts and rng.random() < 0.35:
            text = list(rng.choice(texts))
            for _ in range(rng.randint(0, len(text) // 2)):
                text[rng.randrange(len(text))] = f"v{rng.randrange(900)}"
        texts.append(text)
    return [" ".join(text) for text in texts]


@pytest.mark.parametrize("threshold", [0.3, 0.7, 1.0])
def test_wherever_postings_stand_the_decisions_are_the_same(monkeypatch: pytest.MonkeyPatch, threshold: float) -> None:
    """In order, aside, in order anew; of texts too long for the fields of a posting too."""
    numba_pool = pytest.importorskip("distilabel_selfinstruct.text.rouge.numba_pool")
    monkeypatch.setattr(numba_pool, "_LEAST_ASIDE", 7)
    texts = long_and_short_texts(900)
    python, numba = RougeLIndex(threshold, implementation="python"), RougeLIndex(threshold, implementation="numba")
    for start in range(0, len(texts), 10):
        part = texts[start : start + 10]
        assert numba.admit_batch(part) == python.admit_batch(part)
    assert len(numba._pool._index.postings) > 500 or threshold == 1
    assert numba.nearest_batch(texts) == python.nearest_batch(texts)


def test_many_texts_at_once_are_decided_as_one_after_the_other() -> None:
    """While some are at work, another thread reads the next ones."""
    pytest.importorskip("numba")
    texts = similar_texts(4500, seed=9)
    at_once, single = (RougeLIndex(implementation="numba") for _ in range(2))
    assert at_once.admit_batch(texts) == [single.admit(text) for text in texts]
    assert at_once.texts == single.texts
    assert at_once.nearest_batch(texts) == [single.nearest(text) for text in texts]


def test_a_small_run_never_starts_numba() -> None:
    """Neither some thousand texts nor a million scored pairs are worth the time to compile."""
    code = (
        "import random, sys\n"
        "from distilabel_selfinstruct.text.rouge import RougeLIndex\n"
        "rng, index = random.Random(0), RougeLIndex()\n"
        "texts = [' '.join(str(rng.randrange(500)) for _ in range(8)) for _ in range(5000)]\n"
        "index.add_batch(texts)\n"
        "assert len(index) > 4000\n"
        "for text in texts[:260]: index.similarities(text)\n"
        "assert index._pairs_scored > 1_000_000\n"
        "assert not {'numba', 'llvmlite'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=LIMIT)


def test_numba_takes_over_when_many_pairs_have_been_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    numba_pool = pytest.importorskip("distilabel_selfinstruct.text.rouge.numba_pool").NumbaPool
    monkeypatch.setattr(rouge, "_NUMBA_PAYS_AFTER_PAIRS", 6)
    index = RougeLIndex()
    index.load(["a b", "a c", "e f"])
    first = index.similarities("a b")
    assert isinstance(index._pool, PythonPool)
    assert index.similarities("a b") == first
    assert isinstance(index._pool, numba_pool)


def test_without_numba_the_index_stays_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rouge, "_NUMBA_PAYS_FROM", 1)
    monkeypatch.setattr(rouge, "_numba_pool", rouge._numba_pool.__wrapped__)
    monkeypatch.setitem(sys.modules, "distilabel_selfinstruct.text.rouge.numba_pool", None)
    index = RougeLIndex()
    assert index.add_batch(["a b c", "a b c"]) == [True, False]
    assert isinstance(index._pool, PythonPool)
    with pytest.raises(MissingExtraError, match=r'pip install "distilabel-selfinstruct\[fast\]"'):
        RougeLIndex(implementation="numba")


def test_numba_compiles_where_it_cannot_keep_what_it_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """numba raises in a read-only installation without a home folder."""
    numba = pytest.importorskip("numba")
    from distilabel_selfinstruct.text.rouge.numba_pool import _compiled

    njit = numba.njit

    def without_cache(*args: Any, cache: bool = False, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*args, **options)

    monkeypatch.setattr(numba, "njit", without_cache)
    assert _compiled(lambda value: value + 1)(1) == 2
