"""What the one owner of the pool costs as the pool grows: python benchmarks/pool_owner.py.

Drives the pool loop with answers that are there at once, in one process, and prints at each size: the CPU seconds that
the loop itself has taken (drawing shots, reading answers, every filter, ROUGE-L against the whole pool), the
microseconds an instruction at that size, and the peak memory.

With --shards it shows how a pool could be shared out and stay exact: two texts above the threshold have a word in
common among the rarest of each (the prefix filter), so a text goes to the shards of these words, and each shard looks
among its own. Printed is how many shards that are, and whether the admitted texts are those of one index.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from zlib import crc32

ROOT = Path(__file__).parents[1]
# A script finds its own folder only; what it imports of the clone has to stand below (E402).
sys.path[:0] = [str(ROOT)]

from benchmarks.answers import answer_to, text  # noqa: E402
from distilabel_selfinstruct.data.rows import Answer  # noqa: E402
from distilabel_selfinstruct.data.seeds import load_seed_tasks  # noqa: E402
from distilabel_selfinstruct.presets import get_preset  # noqa: E402
from distilabel_selfinstruct.steps.loops.pool import PoolLoop  # noqa: E402
from distilabel_selfinstruct.text.rouge import RougeLIndex, rouge_tokens  # noqa: E402
from distilabel_selfinstruct.text.rouge.bounds import prefix_length  # noqa: E402

_THRESHOLD = 0.7


def share_out(count: int, texts: int = 10_000) -> str:
    """One line of the table of shards; a sixth of the texts are near-duplicates."""
    choice = random.Random(0)
    pool = [text(choice, choice.randint(6, 24)) for _ in range(texts)]
    for at in range(0, texts, 6):
        pool[at] = " ".join(word for word in choice.choice(pool).split() if choice.random() < 0.85) or "Nothing."
    frequency = Counter(word for each in pool for word in set(rouge_tokens(each)))
    whole, shards = RougeLIndex(_THRESHOLD), [RougeLIndex(_THRESHOLD) for _ in range(count)]
    homes = different = admitted = 0
    for each in pool:
        words = rouge_tokens(each)
        elements = [(word, words[:at].count(word)) for at, word in enumerate(words)]  # of a text each once
        rare_first = sorted(elements, key=lambda element: (frequency[element[0]] if not element[1] else 0, element))
        prefix = rare_first[: prefix_length(len(words), _THRESHOLD)]
        mine = {crc32(repr(element).encode()) % count for element in prefix}
        is_new = all(shards[shard].nearest(each) is None for shard in mine)
        different += is_new != (whole.admit(each) is None)
        if is_new:
            admitted, homes = admitted + 1, homes + len(mine)
            for shard in mine:
                shards[shard].load([each])
    return f"| {count} | {homes / admitted:.1f} | {admitted:,} of {texts:,} | {different} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50_000, 100_000, 200_000, 400_000])
    parser.add_argument("--shards", type=int, nargs="+", help="share 10,000 texts out among so many shards instead")
    options = parser.parse_args()
    if options.shards:
        print("| shards | a text is in | admitted | decided otherwise than by one index |\n|---:|---:|---:|---:|")
        for count in options.shards:
            print(share_out(count), flush=True)
        return
    sizes = sorted(options.sizes)
    seed_tasks = load_seed_tasks(ROOT / "seeds" / "seed_tasks.jsonl")
    loop = PoolLoop(seed_tasks, get_preset("default"), sizes[-1], seed=0, lag=256, patience=5)
    print("| instructions | CPU seconds | µs an instruction at this size | peak memory, MB |\n|---:|---:|---:|---:|")
    spent = marked = 0.0
    before = 0
    for size in sizes:
        start = size - (size - before) // 4  # the last quarter of the way says what an instruction costs here
        while loop.admitted < size:
            if loop.admitted < start:
                marked, from_here = spent, loop.admitted
            completion = answer_to(f"Continue the list {loop.taken}")
            begun = time.process_time()
            loop.draw()
            loop.take(Answer(completion, "stop", None, None, 300, 200))
            spent += time.process_time() - begun
        here = 1e6 * (spent - marked) / (loop.admitted - from_here)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| {size:,} | {spent:.1f} | {here:.0f} | {peak:,.0f} |", flush=True)
        before = size


if __name__ == "__main__":
    main()
