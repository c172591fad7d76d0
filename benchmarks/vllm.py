"""What our stages use of vLLM, in process on a GPU: python benchmarks/vllm.py --model NAME.

The bootstrap runs on `DurableLLM(VLLM)`. Then the engine alone gets the very prompts that were asked, all at once and
with an empty prefix cache. Printed are the output tokens a second of both, and the share: aim 95 %.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(path) for path in [ROOT] if str(path) not in sys.path]
# Not this folder: it has a module of the same name as vLLM's package.
sys.path[:] = [path for path in sys.path if Path(path).resolve() != Path(__file__).parent]

from distilabel_selfinstruct import BootstrapInstructions, DurableLLM  # noqa: E402
from distilabel_selfinstruct.models.vllm import VLLM  # noqa: E402


def stage(llm: VLLM, folder: str, instructions: int, at_once: int) -> float:
    """Seconds that the bootstrap takes, without loading."""
    task = BootstrapInstructions(
        llm=DurableLLM(llm=llm, folder=folder, stage="bootstrap", concurrency=at_once),
        num_instructions=instructions,
        seed_files=[str(ROOT / "seeds" / "seed_tasks.jsonl")],
    )
    task.load()
    started = time.perf_counter()
    for _ in task.process():
        pass
    return time.perf_counter() - started


def asked(folder: str) -> tuple[list[Any], dict[str, Any], int]:
    """The prompts of the stage, the parameters of the first, and the output tokens of all answers."""
    prompts: list[Any] = []
    tokens, parameters = 0, "{}"
    for path in sorted(Path(folder).glob("*.sqlite")):
        with closing(sqlite3.connect(path)) as connection:
            for prompt, parameters, written in connection.execute(  # noqa: B007
                "SELECT prompt, parameters, output_tokens FROM requests WHERE reason IS NULL"
            ):
                prompts.append(json.loads(prompt) if prompt.startswith("[{") else prompt)
                tokens += written
    return prompts, json.loads(parameters), tokens


def engine(llm: VLLM, prompts: list[Any], parameters: dict[str, Any]) -> tuple[float, int]:
    """Seconds and output tokens of the engine alone."""
    llm._engine.reset_prefix_cache()
    started = time.perf_counter()
    outputs = llm.generate(prompts, **parameters)
    seconds = time.perf_counter() - started
    return seconds, sum(sum(output["statistics"]["output_tokens"]) for output in outputs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a name on the Hub, or a folder")
    parser.add_argument("--instructions", type=int, default=2000)
    parser.add_argument("--at-once", type=int, default=256, help="requests that the stage has open")
    parser.add_argument("--engine", type=json.loads, default={}, help="JSON: further arguments of vllm.LLM")
    options = parser.parse_args()
    llm = VLLM(model=options.model, extra_kwargs=options.engine)
    with tempfile.TemporaryDirectory() as folder:
        seconds = stage(llm, folder, options.instructions, options.at_once)
        prompts, parameters, tokens = asked(folder)
        alone, tokens_alone = engine(llm, prompts, parameters)
    llm.unload()
    ours, theirs = tokens / seconds, tokens_alone / alone
    print(f"{options.model}; {len(prompts):,} requests, {options.at_once} at once; {os.cpu_count()} cores\n")
    print("| | output tokens | seconds | tokens a second |\n|---|---:|---:|---:|")
    print(f"| the engine alone, all at once | {tokens_alone:,} | {alone:.1f} | {theirs:,.0f} |")
    print(f"| our bootstrap | {tokens:,} | {seconds:.1f} | {ours:,.0f} |")
    print(f"\nOur stage uses {ours / theirs:.1%} of the engine.")


if __name__ == "__main__":
    main()
