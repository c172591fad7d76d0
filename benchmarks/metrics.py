"""ROUGE-L of predictions: ours beside rouge_score with `use_stemmer=True`, in one run on the same texts.

    python benchmarks/metrics.py [--predictions 11900] [--file FILE.jsonl ...]

As many predictions as SuperNI has (119 tasks, 100 instances each), drawn from recorded ones (`response`, `target`; a
folder of them is `../shared/data/human_eval_predictions`) or made up. Prints seconds, the ratio, and how many scores
differ, which must be none.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rouge_score.rouge_scorer import RougeScorer

from distilabel_selfinstruct.evaluation.metrics import rouge_l

_RECORDED = Path(__file__).parents[2] / "shared" / "data" / "human_eval_predictions"
_WORDS = (
    *("the", "of", "answer", "running", "quickly", "cities", "nation"),
    *("painted", "easily", "organisation", "1984", "hopeful", "table", "sings"),
)
Pair = tuple[str, str]


def recorded(files: Sequence[Path]) -> list[Pair]:
    """Response and right answer of each line."""
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [(row["response"], row["target"]) for row in map(json.loads, lines)]


def made_up(count: int, choice: random.Random) -> list[Pair]:
    """Texts of 1 to 120 words, half of each pair alike."""

    def text() -> list[str]:
        return choice.choices(_WORDS, k=choice.randint(1, 120))

    pairs = []
    for _ in range(count):
        target = text()
        response = target[: len(target) // 2] + text()
        pairs.append((" ".join(response), " ".join(target)))
    return pairs


def timed(score: Callable[[str, str], float], pairs: Sequence[Pair]) -> tuple[list[float], float]:
    """The scores, and the seconds they took."""
    started = time.perf_counter()
    scores = [score(response, target) for response, target in pairs]
    return scores, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predictions", type=int, default=11_900, metavar="N")
    parser.add_argument("--file", type=Path, nargs="+", default=sorted(_RECORDED.glob("*.jsonl")), metavar="FILE")
    given = parser.parse_args()
    choice = random.Random(0)
    known = recorded(given.file)
    what = "recorded" if known else "made up"
    pairs = choice.choices(known, k=given.predictions) if known else made_up(given.predictions, choice)

    scorer = RougeScorer(["rougeL"], use_stemmer=True)

    def theirs(response: str, target: str) -> float:
        return float(scorer.score(target=target, prediction=response)["rougeL"].fmeasure)

    ours, seconds = timed(lambda response, target: rouge_l(response, [target]), pairs)
    reference, slow = timed(theirs, pairs)
    different = sum(one != other for one, other in zip(ours, reference))
    print(f"{len(pairs):,} predictions ({what})\n")
    print("| | seconds | times ours | scores that differ |\n|---|---:|---:|---:|")
    print(f"| `evaluation.metrics` | {seconds:.2f} | 1 | {different} |")
    print(f"| rouge_score | {slow:.2f} | {slow / seconds:.0f} | |")


if __name__ == "__main__":
    main()
