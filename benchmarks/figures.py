"""The ratios that the README and docs/guide/scale.md name, by one command: python benchmarks/figures.py (make figures).

    python benchmarks/figures.py            # measures, and prints them beside those that were recorded
    python benchmarks/figures.py --record   # and records them in figures.json, with the machine
    python benchmarks/figures.py --check    # and fails where one is worse by more than a tenth (make check-figures)

Each ratio has both its sides measured in this run, in CPU seconds, so that a machine with other work gives nearly the
same. The middle one of five counts. Tables with seconds come from the single benchmarks: rouge_dedup, clients,
throughput, paper_size, scaling, pool_owner, vllm.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
# A script finds its own folder only; what it imports of the clone has to stand below (E402).
sys.path.insert(0, str(ROOT))

from benchmarks import clients, rouge_dedup  # noqa: E402
from distilabel_selfinstruct import OpenAICompatibleLLM  # noqa: E402
from tests.support.openai_server import OpenAIServerProcess  # noqa: E402

_RECORDED = Path(__file__).with_suffix(".json")
_WORSE = 1.1  # times the recorded ratio, from where on it is a regression
_TEXTS, _REQUESTS, _TIMES = 52_000, 500, 5


def numba_against_python() -> float:
    """CPU of ROUGE-L for 52,000 texts: numba's, of that of plain Python."""
    numba, python = (rouge_dedup.measure(name, _TEXTS, 0) for name in ("numba", "python"))
    assert numba["decisions"] == python["decisions"]
    return float(numba["cpu"] / python["cpu"])


def client_against_openai() -> float:
    """CPU of a request through DurableLLM, of that of openai's client; bare aiohttp's is too small to compare with."""
    with OpenAIServerProcess() as server:
        theirs = asyncio.run(clients.of_openai(server.url, _REQUESTS))
        return clients.of_durable(OpenAICompatibleLLM(model=clients._MODEL, base_url=server.url), _REQUESTS) / theirs


RATIOS: dict[str, Callable[[], float]] = {
    "ROUGE-L, 52,000 texts: CPU of numba / of plain Python": numba_against_python,
    "a request: CPU of DurableLLM / of openai's client": client_against_openai,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    recorded = json.loads(_RECORDED.read_text()) if _RECORDED.is_file() else {"machine": "", "ratios": {}}
    print(f"here: {machine}; recorded on: {recorded['machine']}; load here {os.getloadavg()[0]:.0f}\n")
    print("| ratio | here | recorded |\n|---|---:|---:|")
    found, worse = {}, []
    for name, measure in RATIOS.items():
        found[name] = round(median(measure() for _ in range(_TIMES)), 3)
        before = recorded["ratios"].get(name)
        print(f"| {name} | {found[name]:.2f} | {before or float('nan'):.2f} |", flush=True)
        if before is not None and found[name] > _WORSE * before:
            worse.append(name)
    if options.record:
        _RECORDED.write_text(json.dumps({"machine": machine, "ratios": found}, indent=2) + "\n")
    if options.check and worse:
        print(f"\nworse by more than a tenth: {'; '.join(worse)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
