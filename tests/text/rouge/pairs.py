"""Texts near every threshold, the score of every pair of them, and what a stream of them must give."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import LCSseq
from rouge_score.rouge_scorer import RougeScorer, _score_lcs

from distilabel_selfinstruct.text.rouge import Match

SCORER = RougeScorer(["rougeL"], use_stemmer=False)

# Lengths m, n and LCS L with 20 L = 7 (m + n): F is 0.7, in floats 0.7000000000000001 or at most 0.7.
BOUNDARY = [
    (7, 13, 7),
    (8, 12, 7),
    (9, 11, 7),
    (10, 10, 7),
    (13, 7, 7),
    (14, 26, 14),
    (17, 23, 14),
    (20, 20, 14),
    (23, 37, 21),
    (37, 23, 21),
    (26, 34, 21),
    (41, 59, 35),
    (59, 41, 35),
    (65, 115, 63),
    (89, 71, 56),
]

OTHER_SCRIPTS = [
    "",
    "???",
    "写一首关于春天的诗",
    "请把下面的句子翻译成英语",
    "Ünïcödé ÄÖ text",
    "İstanbul is a city in Turkey",
    "\u212a elvin sign K",
    "ſharp long s",
    "Straße und Gruß",
    "a_b c-d e.f",
    "1,000.50 dollars",
    "\x00\x1f control",
    "don't stop believing now",
    "DON’T stop believing now",
    "اكتب قصيدة عن الربيع",
    "वसंत के बारे में एक कविता लिखें",
]


class Corpus(NamedTuple):
    """Texts and the score of every pair."""

    texts: list[str]
    scores: np.ndarray


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def boundary_texts() -> list[str]:
    rng = random.Random(0)
    return [text for m, n, lcs in BOUNDARY for text in pair_with(m, n, lcs, rng)]


def pair_with(words: int, other_words: int, lcs: int, rng: random.Random) -> tuple[str, str]:
    """Two texts of these lengths with exactly `lcs` words in common, in order."""
    common = [f"common{rng.randrange(10**6)}" for _ in range(lcs)]

    def text(length: int) -> str:
        places = dict(zip(sorted(rng.sample(range(length), lcs)), common))
        return " ".join(places.get(place) or f"own{rng.randrange(10**9)}" for place in range(length))

    return text(words), text(other_words)


def word_soups(count: int, rng: random.Random) -> list[str]:
    """Short texts of few words, often repeated: many pairs near every threshold."""
    return [" ".join(rng.choices("abcdefgh", k=rng.randint(0, 12))) for _ in range(count)]


def edited_long_texts() -> list[str]:
    """Around the blocks of 64 words, and well beyond."""
    rng = random.Random(2)
    texts = []
    for length in (63, 64, 65, 127, 128, 129, 200):
        text = [f"w{rng.randrange(40)}" for _ in range(length)]
        texts.append(" ".join(text))
        for place in rng.sample(range(length), length // 4):
            text[place] = f"w{rng.randrange(40)}"
        texts.append(" ".join(text))
    numbered = [f"n{place}" for place in range(200)]
    rotated = numbered[140:] + numbered[:60]  # a carry must pass through the second block, where nothing matches
    return [*texts, " ".join(numbered), " ".join(rotated)]


def similar_texts(count: int, seed: int = 0) -> list[str]:
    """A stream in which a third of the texts is an earlier one, edited."""
    rng = random.Random(seed)
    vocabulary = [f"v{rank}" for rank in range(500)]
    weights = [1 / (rank + 1) for rank in range(500)]
    texts: list[list[str]] = []
    for _ in range(count):
        text = rng.choices(vocabulary, weights, k=rng.randint(3, 25))
        if texts and rng.random() < 0.35:
            text = list(rng.choice(texts))
            for _ in range(rng.randint(0, len(text) // 2)):
                text[rng.randrange(len(text))] = rng.choice(vocabulary)
        texts.append(text)
    return [" ".join(text) for text in texts]


def rouge_score_matrix(texts: list[str]) -> np.ndarray:
    """Every pair by rouge_score itself. The order within a pair is another test's business."""
    tokens = [SCORER._tokenizer.tokenize(text) for text in texts]
    scores = np.zeros((len(texts), len(texts)))
    for i, words in enumerate(tokens):
        for j in range(i + 1):
            scores[i, j] = scores[j, i] = _score_lcs(words, tokens[j]).fmeasure
    return scores


def rapidfuzz_matrix(texts: list[str]) -> np.ndarray:
    """Every pair by rapidfuzz's LCS and rouge_score's arithmetic: for more pairs than rouge_score has time for."""
    numbers: dict[str, int] = {}
    characters = ["".join(chr(256 + numbers.setdefault(word, len(numbers))) for word in text.split()) for text in texts]
    lcs = process.cdist(characters, characters, scorer=LCSseq.similarity, dtype=np.int64)
    lengths = np.array([len(text) for text in characters])
    recall, precision = lcs / lengths[:, None], lcs / lengths[None, :]
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(2 * precision * recall / (precision + recall))


def expected_matches(scores: np.ndarray, threshold: float) -> list[Match | None]:
    """What a stream of all texts in order must give, from the scores of every pair."""
    admitted: list[int] = []
    matches: list[Match | None] = []
    for i in range(len(scores)):
        match = expected_nearest(scores[i, admitted], threshold)
        matches.append(match)
        if match is None:
            admitted.append(i)
    return matches


def expected_nearest(scores: np.ndarray, threshold: float) -> Match | None:
    if not len(scores) or scores.max() <= threshold:
        return None
    return Match(int(scores.argmax()), float(scores.max()))  # argmax: of equal ones the first
