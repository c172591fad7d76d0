"""CPU a request of ways to ask an endpoint: python benchmarks/clients.py.

The same 1,000 chats, 64 at a time, go to a local endpoint in a process of its own, by: aiohttp alone, the bare openai
client, `OpenAICompatibleLLM`, `ProviderLLM` (litellm), and the last two in a `DurableLLM`, which stores each answer.
Counted is the CPU time of this process, after 100 requests that nobody counts.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# A script finds its own folder only; what it imports of the clone has to stand below (E402).
sys.path.insert(0, str(ROOT))

from distilabel_selfinstruct import DurableLLM, OpenAICompatibleLLM, ProviderLLM  # noqa: E402
from tests.support.openai_server import OpenAIServerProcess  # noqa: E402

_MODEL, _AT_ONCE, _WARM = "stub-model", 64, 100
_BODY = {"model": _MODEL, "max_tokens": 100, "temperature": 1.0}


def chat(number: int) -> list[dict[str, str]]:
    """Of 1,000 words, as our prompts are long."""
    return [{"role": "user", "content": f"{number} " + "word " * 1000}]


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def at_once(ask: Callable[[int], Awaitable[Any]], count: int) -> float:
    """CPU seconds of so many requests."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> None:
        async with slots:
            await ask(number)

    await asyncio.gather(*(one(number) for number in range(_WARM)))
    before = cpu()
    await asyncio.gather(*(one(number) for number in range(_WARM, _WARM + count)))
    return cpu() - before


async def of_aiohttp(url: str, count: int) -> float:
    import aiohttp

    async with aiohttp.ClientSession() as session:

        async def ask(number: int) -> None:
            async with session.post(f"{url}/chat/completions", json={**_BODY, "messages": chat(number)}) as response:
                await response.json()

        return await at_once(ask, count)


async def of_openai(url: str, count: int) -> float:
    import openai

    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        return await at_once(lambda number: client.chat.completions.create(**_BODY, messages=chat(number)), count)  # type: ignore[call-overload]


async def of_llm(llm: Any, count: int) -> float:
    llm.load()
    try:
        return await at_once(
            lambda number: llm.agenerate(input=chat(number), max_new_tokens=100, temperature=1.0), count
        )
    finally:
        await llm.aclose()


def of_durable(llm: Any, count: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        durable = DurableLLM(llm=llm, folder=folder, stage="a", concurrency=_AT_ONCE)
        durable.load()
        parameters = {"max_new_tokens": 100, "temperature": 1.0}
        durable.generate_outputs(inputs=[chat(number) for number in range(_WARM)], **parameters)
        before = cpu()
        durable.generate_outputs(inputs=[chat(number) for number in range(_WARM, _WARM + count)], **parameters)
        used = cpu() - before
        durable.unload()
    return used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    count = parser.parse_args().requests
    with OpenAIServerProcess() as server:
        url = server.url

        def ours() -> OpenAICompatibleLLM:
            return OpenAICompatibleLLM(model=_MODEL, base_url=url)

        def provider() -> ProviderLLM:
            return ProviderLLM(model=f"hosted_vllm/{_MODEL}", base_url=url, api_key="none")  # type: ignore[arg-type]

        ways: dict[str, Callable[[], float]] = {
            "aiohttp": lambda: asyncio.run(of_aiohttp(url, count)),
            "openai": lambda: asyncio.run(of_openai(url, count)),
            "OpenAICompatibleLLM": lambda: asyncio.run(of_llm(ours(), count)),
            "ProviderLLM (litellm)": lambda: asyncio.run(of_llm(provider(), count)),
            "OpenAICompatibleLLM in a DurableLLM": lambda: of_durable(ours(), count),
            "ProviderLLM in a DurableLLM": lambda: of_durable(provider(), count),
        }
        print("| | CPU ms a request |", "|---|---:|", sep="\n")
        for name, way in ways.items():
            print(f"| {name} | {1000 * way() / count:.1f} |", flush=True)


if __name__ == "__main__":
    main()
