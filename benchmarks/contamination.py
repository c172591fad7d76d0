"""How long it takes to keep texts clear of evaluation texts: `python benchmarks/contamination.py [--rows N] ...`.

The texts are made of words of a Zipf distribution, 5 to 40 of them; one row in a hundred is there as a reference too,
with one word in ten changed. `--texts FILE` takes real ones: a
line each, or a source with instructions; they are cut into rows and references.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections import Counter

from distilabel_selfinstruct.data.instructions import read_instructions
from distilabel_selfinstruct.text.contamination import ContaminationIndex


def made(count: int, rng: random.Random) -> list[str]:
    """So many texts."""
    words = [f"w{at}" for at in range(50_000)]
    weights = [1 / (at + 3) for at in range(len(words))]
    drawn = rng.choices(words, weights, k=count * 23)
    ends, at = [], 0
    for _ in range(count):
        length = rng.randint(5, 40)
        ends.append(" ".join(drawn[at : at + length]))
        at = (at + length) % (len(drawn) - 40)
    return ends


def changed(text: str, rng: random.Random) -> str:
    """A text with one word in ten exchanged."""
    return " ".join(word if rng.random() > 0.1 else f"x{rng.randrange(1000)}" for word in text.split())


def main() -> None:
    """Measures, and prints a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--references", type=int, default=100_000)
    parser.add_argument("--texts", help="real texts instead")
    given = parser.parse_args()
    rng = random.Random(0)
    if given.texts:
        texts = read_instructions(given.texts).texts
        rng.shuffle(texts)
        references, rows = texts[: given.references], texts[given.references :][: given.rows]
    else:
        rows = made(given.rows, rng)
        near = [changed(text, rng) for text in rng.sample(rows, min(len(rows) // 100, given.references))]
        references = near + made(given.references - len(near), rng)
    for name, threshold in (("runs of words", None), ("runs of words and ROUGE-L", 0.7)):
        started = time.process_time()  # of this process: others may be busy too
        index = ContaminationIndex(references, threshold)
        built = time.process_time()
        reasons = Counter(found.reason for found in index.overlaps(rows) if found)
        ended = time.process_time()
        print(
            f"{name}: {len(references):,} references in {built - started:.1f} s of CPU, {len(rows):,} rows in"
            f" {ended - built:.1f} s ({(ended - built) / len(rows) * 1e6:.0f} µs each); {dict(reasons)}"
        )
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
