"""What the one owner of the pool costs as the pool grows: python benchmarks/pool_owner.py.

Drives the pool loop with answers that are there at once, in one process, and prints at each size: the CPU seconds that
the loop itself has taken (drawing shots, reading answers, every filter, ROUGE-L against the whole pool), the
microseconds an instruction at that size, and the peak memory.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from benchmarks.answers import answer_to  # noqa: E402
from distilabel_selfinstruct.presets import get_preset  # noqa: E402
from distilabel_selfinstruct.seeds import load_seed_tasks  # noqa: E402
from distilabel_selfinstruct.steps.pool import PoolLoop  # noqa: E402
from distilabel_selfinstruct.steps.rows import Answer  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50_000, 100_000, 200_000, 400_000])
    sizes = sorted(parser.parse_args().sizes)
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
