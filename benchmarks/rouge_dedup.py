"""ROUGE-L deduplication side by side: how long, how much memory, how many decisions differ from the exact ones.

    python benchmarks/rouge_dedup.py --sizes 5000 52000
    python benchmarks/rouge_dedup.py --sizes 1000000 --methods python numba

Every method decides the same stream of texts, one after the other: a text with a ROUGE-L F above 0.7 with an admitted
one is a duplicate. Each runs in a process of its own, on one thread but for the two that use a pool of processes,
and `numba`, which reads texts in a thread of its own.
Time is the wall's, CPU that of all its processes: on a machine with other work compare the latter.

A method that would take too long is given a part of the work: a pool of the size that the pool of the whole stream has
on average, and a few texts to compare with it. Its time grows in proportion to the pool, so the mean over these texts
times the number of texts is the time of the stream. The table marks such figures with ~.

Needs rouge-score, rapidfuzz, rensa, datasketch and nltk for the methods they stand for, and the extra `fast` for
`numba`.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import math
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

THRESHOLD = 0.7
# Two texts of n distinct words with F = 0.7 have a Jaccard similarity of at least 0.7 / (2 - 0.7).
JACCARD_THRESHOLD = 0.54
NEAR_DUPLICATES = 0.35

Decisions = list[bool]  # of each text: is it admitted


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock on the wall, and of CPU: of this process and those that it has waited for."""

    wall: float
    cpu: float

    def __mul__(self, times: float) -> Spent:
        return Spent(self.wall * times, self.cpu * times)

    def __truediv__(self, parts: float) -> Spent:
        return self * (1 / parts)


def now() -> Spent:
    return Spent(time.perf_counter(), sum(os.times()[:4]))


def since(start: Spent) -> Spent:
    end = now()
    return Spent(end.wall - start.wall, end.cpu - start.cpu)


# The texts


def make_texts(size: int, seed: int = 0) -> list[str]:
    """Texts like generated instructions; a share of them is an earlier one with up to 60 % of its words edited.

    The frequencies of words and lengths are fitted to the official seeds, the user-oriented tasks and recorded runs.
    """
    rng = random.Random(seed)
    vocabulary = [_spell(rank) for rank in range(100_000)]
    cumulative = list(itertools.accumulate(_frequency(rank) for rank in range(1, len(vocabulary) + 1)))

    def words(count: int) -> list[str]:
        return rng.choices(vocabulary, cum_weights=cumulative, k=count)

    openings = [words(rng.randint(1, 4)) for _ in range(1000)]
    opening_weights = list(itertools.accumulate(1 / rank for rank in range(1, len(openings) + 1)))
    texts: list[list[str]] = []
    for _ in range(size):
        if texts and rng.random() < NEAR_DUPLICATES:
            text = list(rng.choice(texts))
            for _ in range(int(len(text) * rng.uniform(0, 0.6))):
                _edit(text, words(1), rng)
        else:
            length = min(150, max(4, round(rng.lognormvariate(math.log(12), 0.53))))
            opening = rng.choices(openings, cum_weights=opening_weights)[0]
            text = (opening + words(length))[:length]
        texts.append(text)
    return [" ".join(text) for text in texts]


def _frequency(rank: int) -> float:
    """Zipf's law with two regimes: beyond the common words it falls faster (Ferrer i Cancho and Solé 2001)."""
    return 1 / (rank + 0.4) if rank <= 2000 else 2000**0.8 / rank**1.8


def _spell(rank: int) -> str:
    """A word of syllables, the longer the rarer."""
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    word = ""
    while rank >= 0:
        rank, syllable = divmod(rank, len(syllables))
        word += syllables[syllable]
        rank -= 1
    return word


def _edit(text: list[str], word: list[str], rng: random.Random) -> None:
    place = rng.randrange(len(text))
    kind = rng.choice(("replace", "replace", "insert", "delete"))
    if kind == "insert" or len(text) < 4:
        text[place:place] = word
    else:
        text[place : place + 1] = word if kind == "replace" else []


# The methods: each decides a stream ...


def rouge_l_index(implementation: Literal["python", "numba"], texts: Sequence[str]) -> tuple[Spent, Decisions]:
    from distilabel_selfinstruct.text.rouge import RougeLIndex

    RougeLIndex(THRESHOLD, implementation=implementation).add_batch(texts[:400])  # the start of numba
    index = RougeLIndex(THRESHOLD, implementation=implementation)
    start = now()
    decisions = index.add_batch(texts)
    return since(start), decisions


def similarities(texts: Sequence[str]) -> tuple[Spent, Decisions]:
    """As in a run with the preset `paper`, whose rows hold the ten texts most like them and the mean of all."""
    from distilabel_selfinstruct.text.rouge import RougeLIndex

    RougeLIndex(THRESHOLD, implementation="numba").similarities(texts[0], 10)  # the start of numba
    index = RougeLIndex(THRESHOLD, implementation="numba")
    start = now()
    decisions = []
    for text in texts:
        best = index.similarities(text, 10).best
        decisions.append(not best or best[0].score <= THRESHOLD)
        if decisions[-1]:
            index.load([text])
    return since(start), decisions


def rapidfuzz_brute_force(texts: Sequence[str]) -> tuple[Spent, Decisions]:
    """Each word becomes one character; then rapidfuzz's fastest loop over the pool, on one thread."""
    start = now()
    pool: list[str] = []
    decisions = []
    for text in _as_characters(texts):
        decisions.append(not _rapidfuzz_is_duplicate(text, pool))
        if decisions[-1]:
            pool.append(text)
    return since(start), decisions


def minhash(threshold: float, texts: Sequence[str]) -> tuple[Spent, Decisions]:
    """What distilabel's MinHashDedup does with its defaults, but for the threshold."""
    from datasketch import MinHash, MinHashLSH
    from nltk.tokenize import word_tokenize

    lsh = MinHashLSH(num_perm=128, threshold=threshold)
    start = now()
    decisions = []
    for number, text in enumerate(texts):
        # preserve_line: a text is one sentence, which spares the download of nltk's sentence splitter.
        words = {word.encode() for word in word_tokenize(text, preserve_line=True)}
        (signature,) = MinHash.bulk([words], num_perm=128, seed=1)
        decisions.append(not lsh.query(signature))
        if decisions[-1]:
            lsh.insert(str(number), signature)
    return since(start), decisions


def rensa(texts: Sequence[str]) -> tuple[Spent, Decisions]:
    """The fastest MinHash of the field, with its own LSH, at the same Jaccard threshold."""
    from rensa import RMinHash, RMinHashDeduplicator

    start = now()
    deduplicator = RMinHashDeduplicator(JACCARD_THRESHOLD, 128, True, 32, 1)
    decisions = []
    for number, text in enumerate(texts):
        signature = RMinHash(128, 1)
        signature.update(text.split())
        decisions.append(deduplicator.add(str(number), signature))
    return since(start), decisions


# ... or compares a few texts with a pool, which gives the seconds for one.


def authors_per_text(pool: Sequence[str], texts: Sequence[str]) -> Spent:
    """`bootstrap_instructions.py` of the Self-Instruct repository."""
    from rouge_score import rouge_scorer

    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    start = now()
    for text in texts:
        with multiprocessing.get_context("fork").Pool(4) as processes:
            scores = processes.map(partial(scorer.score, text), pool)
        max(score["rougeL"].fmeasure for score in scores)
    return since(start) / len(texts)


def alpaca_per_text(pool: Sequence[str], texts: Sequence[str]) -> Spent:
    """`generate_instruction.py` of Stanford Alpaca: the pool is tokenised once, one process a core."""
    from rouge_score import rouge_scorer

    tokenize = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)._tokenizer.tokenize
    tokens = [tokenize(text) for text in pool]
    start = now()
    for text in texts:
        with multiprocessing.get_context("fork").Pool(os.cpu_count()) as processes:
            scores = processes.map(partial(rouge_scorer._score_lcs, tokenize(text)), tokens)
        max(score.fmeasure for score in scores)
    return since(start) / len(texts)


def rouge_l_index_per_text(
    implementation: Literal["python", "numba"], pool: Sequence[str], texts: Sequence[str], most_similar: int = 0
) -> Spent:
    from distilabel_selfinstruct.text.rouge import RougeLIndex

    index = RougeLIndex(THRESHOLD, implementation=implementation)
    index.load(pool)
    look = partial(index.similarities, k=most_similar) if most_similar else index.nearest
    look(texts[0])  # the start of numba
    start = now()
    for text in texts:
        look(text)
    return since(start) / len(texts)


def rapidfuzz_per_text(pool: Sequence[str], texts: Sequence[str]) -> Spent:
    characters = _as_characters([*pool, *texts])
    start = now()
    for text in characters[len(pool) :]:
        _rapidfuzz_is_duplicate(text, characters[: len(pool)])
    return since(start) / len(texts)


def filtered_per_text(pool: Sequence[str], texts: Sequence[str]) -> Spent:
    """As polyleven does: lengths and a signature of the words rule pairs out, and the LCS is left for the others."""
    import numpy as np

    from distilabel_selfinstruct.text.rouge.bounds import RequiredLcs

    def signature(text: str) -> int:
        return functools.reduce(lambda bits, word: bits ^ 1 << (ord(word) * 0x9E3779B97F4A7C15 >> 58 & 63), text, 0)

    characters = _as_characters([*pool, *texts])
    pool = characters[: len(pool)]
    lengths = np.array([len(text) for text in pool])
    signatures = np.array([signature(text) for text in pool], np.uint64)
    start = now()
    for text in characters[len(pool) :]:
        required = RequiredLcs(len(text), THRESHOLD)
        least = np.array([required[length] for length in range(lengths.max() + 1)])[lengths]
        differing = np.bitwise_count(signatures ^ np.uint64(signature(text)))
        near = np.flatnonzero(
            (least <= np.minimum(lengths, len(text))) & (differing <= len(text) + lengths - 2 * least)
        )
        _rapidfuzz_is_duplicate(text, [pool[at] for at in near])
    return since(start) / len(texts)


def _as_characters(texts: Sequence[str]) -> list[str]:
    numbers: dict[str, int] = {}
    first = 0xE000  # above the surrogates
    return ["".join(chr(first + numbers.setdefault(word, len(numbers))) for word in text.split()) for text in texts]


def _rapidfuzz_is_duplicate(text: str, pool: Sequence[str]) -> bool:
    """Its normalised Indel similarity is 2 L / (m + n), but not to the last bit: at the threshold the floats decide."""
    from rapidfuzz import process
    from rapidfuzz.distance import Indel, LCSseq

    from distilabel_selfinstruct.text.rouge.bounds import f_measure

    search: dict[str, Any] = {"scorer": Indel.normalized_similarity, "score_cutoff": THRESHOLD - 1e-9}
    nearest = process.extractOne(text, pool, **search)
    if nearest is None or nearest[1] > THRESHOLD + 1e-9:
        return nearest is not None
    near = [other for other, _, _ in process.extract(text, pool, limit=None, **search)]
    return any(f_measure(LCSseq.similarity(text, other), len(text), len(other)) > THRESHOLD for other in near)


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        title: its first cell.
        packages: what it needs.
        decide: decides a stream; gives the seconds and the decisions.
        whole_up_to: the largest stream that it decides whole.
        per_text: the seconds for one text, given a pool and some texts.
        sample: how many texts to give to `per_text`.
    """

    title: str
    packages: Sequence[str] = ()
    decide: Callable[[Sequence[str]], tuple[Spent, Decisions]] | None = None
    whole_up_to: int = 10**9
    per_text: Callable[[Sequence[str], Sequence[str]], Spent] | None = None
    sample: int = 5


METHODS = {
    "numba": Method("RougeLIndex, numba", ["numba"], partial(rouge_l_index, "numba")),
    "python": Method(
        "RougeLIndex, plain Python",
        [],
        partial(rouge_l_index, "python"),
        200_000,
        partial(rouge_l_index_per_text, "python"),
        1000,
    ),
    "similarities": Method(
        "the same with the ten most similar and the mean",
        ["numba"],
        similarities,
        60_000,
        partial(rouge_l_index_per_text, "numba", most_similar=10),
        sample=100,
    ),
    "rapidfuzz": Method("rapidfuzz, brute force", ["rapidfuzz"], rapidfuzz_brute_force, 60_000, rapidfuzz_per_text, 50),
    "filtered": Method(
        "rapidfuzz, length and bitmap filter (as polyleven)",
        ["rapidfuzz"],
        whole_up_to=0,
        per_text=filtered_per_text,
        sample=50,
    ),
    "rensa": Method(f"rensa's MinHash LSH, Jaccard {JACCARD_THRESHOLD}", ["rensa"], rensa),
    "minhash": Method(
        f"MinHash LSH, Jaccard {JACCARD_THRESHOLD}", ["datasketch", "nltk"], partial(minhash, JACCARD_THRESHOLD)
    ),
    "minhash-default": Method(
        "MinHash LSH, Jaccard 0.9 (MinHashDedup's default)", ["datasketch", "nltk"], partial(minhash, 0.9)
    ),
    "alpaca": Method("Alpaca's code", ["rouge_score"], whole_up_to=0, per_text=alpaca_per_text),
    "authors": Method("the authors' code", ["rouge_score"], whole_up_to=0, per_text=authors_per_text),
}


# One method in a process of its own


def run_method(name: str, size: int, mean_pool: int, folder: Path) -> None:
    """Write the result as JSON; the decisions, where the stream was decided whole."""
    method = METHODS[name]
    texts = make_texts(size)
    if method.decide is not None and size <= method.whole_up_to:
        spent, decisions = method.decide(texts)
    else:
        assert method.per_text is not None
        spent, decisions = method.per_text(texts[:mean_pool], texts[-method.sample :]) * size, None
    result = {"wall": spent.wall, "cpu": spent.cpu, "decisions": decisions, "megabytes": _peak_megabytes()}
    (folder / f"{name}.json").write_text(json.dumps(result))


def _require(package: str) -> None:
    if find_spec(package) is None:
        name = package.replace("_", "-")
        raise SystemExit(f"{package} is needed; leave its method out, or install it with: pip install {name}")


def _peak_megabytes() -> float:
    """The main process only. Not `ru_maxrss`: on Linux it starts from the parent's peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return math.nan


# The table


def measure(name: str, size: int, mean_pool: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            __file__,
            "--run",
            name,
            "--sizes",
            str(size),
            "--mean-pool",
            str(mean_pool),
            "--folder",
            folder,
        ]
        subprocess.run(command, check=True)
        return dict(json.loads((Path(folder) / f"{name}.json").read_text()))


def row(name: str, result: dict[str, Any], exact: dict[str, Any]) -> str:
    """A line of the table; `exact` is the result that it is compared with."""
    decided = result["decisions"] is not None
    missed = wrong = "0"
    if decided and name in ("rensa", "minhash", "minhash-default"):
        pairs = list(zip(exact["decisions"], result["decisions"], strict=True))
        duplicates = exact["decisions"].count(False)
        missed = f"{sum(kept and not right for right, kept in pairs) / duplicates:.0%}"
        wrong = f"{sum(right and not kept for right, kept in pairs):,}"
    elif decided and result["decisions"] != exact["decisions"]:
        raise SystemExit(f"{name} is meant to be exact, and decides differently")
    times = result["cpu"] / exact["cpu"]
    cells = [
        METHODS[name].title,
        *(("" if decided else "~") + _duration(result[kind]) for kind in ("wall", "cpu")),
        f"{times:,.{0 if times >= 10 else 1}f}",
        f"{result['megabytes']:,.0f} MB",
        missed,
        wrong,
    ]
    return f"| {' | '.join(cells)} |"


def _duration(seconds: float) -> str:
    if seconds < 200:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:,.0f} h"


def print_table(size: int, names: Sequence[str]) -> None:
    first = names[0]
    exact = measure(first, size, 0)
    admitted = list(itertools.accumulate(exact["decisions"], initial=0))
    mean_pool = sum(admitted[:-1]) // size
    print(f"\n{size:,} texts, {exact['decisions'].count(False) / size:.0%} of them duplicates\n")
    columns = ["time", "CPU", f"times the CPU of {METHODS[first].title}", "peak memory", "duplicates missed"]
    print(f"| method | {' | '.join(columns)} | wrongly rejected |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in names:
        result = exact if name == first else measure(name, size, mean_pool)
        print(row(name, result, exact), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 52_000])
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        default=list(METHODS),
        help="the first must be numba or python: the others are compared with it",
    )
    parser.add_argument("--run", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--mean-pool", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run_method(options.run, options.sizes[0], options.mean_pool, options.folder)
        return
    if options.methods[0] not in ("numba", "python"):
        parser.error("the first of --methods must be numba or python")
    for method in options.methods:
        for package in METHODS[method].packages:
            _require(package)
    for size in options.sizes:
        print_table(size, options.methods)
    print(
        "\n~ extrapolated: measured against a pool of the stream's mean size, times the number of texts. Memory: the "
        "main process, with the texts. numba: without its start."
    )


if __name__ == "__main__":
    main()
