"""How much of an endpoint's capacity is used: python benchmarks/throughput.py.

A local endpoint works on 64 requests at a time, the others queue; latency is lognormal with mean 1 s and sigma 0.5,
seeded. Measured is the share of busy slot-seconds from the first request to the last response, in one run, for

- this project's main pipeline (1,000 instructions, all stages), whole and per stage,
- its bootstrap alone (2,000 prompts),
- a plain asynchronous client with a semaphore: the ceiling,
- stock distilabel: one TextGeneration step with batches of 50,
- the authors' pattern: 5 prompts a call, one call after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
# A script finds its own folder only; what it imports of the clone has to stand below (E402).
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from answers import prompt_of  # noqa: E402

from tests.support.openai_server import OpenAIServerProcess, Request, busy_share  # noqa: E402

_MODEL = "stub-model"


@dataclass
class Result:
    name: str
    requests: list[Request]
    slots: int
    cpu: float | None = None

    def row(self) -> str:
        share = busy_share(self.requests, self.slots)
        wall = max(r.finished or 0 for r in self.requests) - min(r.started for r in self.requests)
        cpu = f"{1000 * self.cpu / len(self.requests):.1f}" if self.cpu is not None else ""
        return f"| {self.name} | {len(self.requests):,} | {wall:.1f} | {share:.1%} | {cpu} |"


def stage_of(request: Request) -> str:
    """Which question of the method a request puts."""
    prompt = prompt_of(request.body)
    if "Continue the list" in prompt:
        return "bootstrap"
    if prompt.endswith("Is it classification?"):
        return "classification"
    return "output-first" if "Class label" in prompt else "input-first"


def window_share(requests: Sequence[Request], slots: int) -> float:
    """Busy share from the first answer of the bootstrap to the last time a request was sent."""
    begin = min(request.finished or 0 for request in requests)
    end = max(request.started for request in requests)
    busy = sum(
        max(0.0, min(request.slot_released or 0, end) - max(request.slot_taken or 0, begin)) for request in requests
    )
    return busy / (slots * (end - begin))


def main_pipeline(url: str, slots: int, instructions: int) -> float:
    """Runs the script; returns the CPU seconds of all its processes, less those of a run that asks nothing."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            str(ROOT / "pipelines" / "self_instruct.py"),
            "--llm",
            "openai",
            "--model",
            _MODEL,
            "--base-url",
            url,
            "--concurrency",
            str(slots),
            "--num-instructions",
            str(instructions),
            "--out",
            folder + "/run",
            "--no-check",
        ]
        first = _cpu_of(command)
        (Path(folder) / "run" / "summary.json").unlink()
        again = _cpu_of(command)  # everything answered: what the pipeline itself costs
        return first - again


def _cpu_of(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def bootstrap_alone(url: str, slots: int, prompts: int) -> None:
    from distilabel_selfinstruct import BootstrapInstructions, DurableLLM, OpenAICompatibleLLM

    with tempfile.TemporaryDirectory() as folder:
        llm = DurableLLM(
            llm=OpenAICompatibleLLM(model=_MODEL, base_url=url), folder=folder, stage="bootstrap", concurrency=slots
        )
        task = BootstrapInstructions(
            llm=llm, num_instructions=prompts * 7, seed_files=[str(ROOT / "seeds" / "seed_tasks.jsonl")]
        )
        task.load()
        for _ in task.process():
            pass
        task.unload()


def plain_client(url: str, slots: int, count: int) -> None:
    from openai import AsyncOpenAI

    async def run() -> None:
        free = asyncio.Semaphore(slots)
        async with AsyncOpenAI(base_url=url, api_key="none") as client:

            async def ask(number: int) -> None:
                async with free:
                    await client.chat.completions.create(model=_MODEL, messages=_chat(number))  # type: ignore[arg-type]

            await asyncio.gather(*map(ask, range(count)))

    asyncio.run(run())


def authors_pattern(url: str, slots: int, count: int) -> None:
    from openai import AsyncOpenAI

    async def run() -> None:
        async with AsyncOpenAI(base_url=url, api_key="none") as client:
            for start in range(0, count, 5):
                await asyncio.gather(
                    *(client.chat.completions.create(model=_MODEL, messages=_chat(n)) for n in range(start, start + 5))  # type: ignore[arg-type]
                )

    asyncio.run(run())


def stock_distilabel(url: str, slots: int, count: int) -> None:
    script = f"""
import warnings; warnings.simplefilter("ignore")
from distilabel.models.llms import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps.tasks import TextGeneration
with Pipeline("stock", cache_dir={tempfile.mkdtemp()!r}) as pipeline:
    TextGeneration(llm=OpenAILLM(model={_MODEL!r}, base_url={url!r}, api_key="none"), input_batch_size=50)
pipeline.run(use_cache=False, dataset=[{{"instruction": f"Question {{n}}"}} for n in range({count})])
"""
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _chat(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"Question {number}"}]


def measure(name: str, slots: int, run: Callable[[str], float | None]) -> Result:
    """Runs against a server of its own, so that all see the same latencies."""
    with OpenAIServerProcess(answer="benchmarks.answers:answer", slots=slots, latency=1.0, sigma=0.5) as server:
        print(f"{name} ...", file=sys.stderr, flush=True)
        cpu = run(server.url)
        return Result(name, [r for r in server.requests if r.completed], slots, cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--instructions", type=int, default=1000, help="of the main pipeline")
    parser.add_argument("--requests", type=int, default=2000, help="of the bootstrap and of the plain client")
    parser.add_argument("--slow-requests", type=int, default=500, help="of the slow patterns")
    parser.add_argument("--only", help="run only what has this in its name")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    slots = options.slots
    contenders: list[tuple[str, Callable[[str], float | None]]] = [
        ("this project, whole pipeline", lambda url: main_pipeline(url, slots, options.instructions)),
        ("this project, bootstrap alone", lambda url: bootstrap_alone(url, slots, options.requests)),
        ("plain asynchronous client (ceiling)", lambda url: plain_client(url, slots, options.requests)),
        ("stock distilabel, batch 50", lambda url: stock_distilabel(url, slots, options.slow_requests)),
        ("the authors' pattern", lambda url: authors_pattern(url, slots, min(100, options.slow_requests))),
    ]
    started = time.time()
    results = [measure(name, slots, run) for name, run in contenders if options.only is None or options.only in name]
    print(f"\n{slots} slots, latency lognormal, mean 1 s, sigma 0.5; {os.cpu_count()} cores")
    print(f"measured in {time.time() - started:.0f} s\n")
    print("| | requests | wall, s | slots busy | client CPU a request, ms |\n|---|---:|---:|---:|---:|")
    for result in results:
        print(result.row())
    for result in results:
        if "whole" not in result.name:
            continue
        print(f"\nThe whole pipeline while every stage has work: {window_share(result.requests, slots):.1%}\n")
        print("| stage | requests | slots busy, of all slot-seconds |\n|---|---:|---:|")
        wall = max(r.slot_released or 0 for r in result.requests) - min(r.started for r in result.requests)
        for stage in ("bootstrap", "classification", "output-first", "input-first"):
            requests = [request for request in result.requests if stage_of(request) == stage]
            busy = sum((r.slot_released or 0) - (r.slot_taken or 0) for r in requests)
            print(f"| {stage} | {len(requests):,} | {busy / (slots * wall):.1%} |")


if __name__ == "__main__":
    main()
