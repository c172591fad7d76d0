"""Every recipe asked in batches: the same dataset as without, byte for byte, from the same model behind a server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct import DemoLLM
from distilabel_selfinstruct.recipe import Recipe, recipes
from tests.recipes.test_contract import SMALL
from tests.support.batch_server import BatchServer
from tests.support.recipes import bytes_of, run_here

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")]
DEMO = DemoLLM()
ASKED: Counter[str] = Counter()  # raw texts, which are the same in each of magpie's requests


def answer(body: Any) -> str:
    """What the demo model says."""
    asked: Any = body.get("messages") or body["prompt"]
    number = body["choice"]
    if isinstance(asked, str):
        number += ASKED[asked]
        ASKED[asked] += 1
    (output,) = DEMO.generate(inputs=[asked], max_new_tokens=4096, first_generation=number)
    return str(output["generations"][0])


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer(answer=answer) as server:
        yield server


@pytest.mark.parametrize("recipe", recipes().values(), ids=recipes())
def test_in_batches(recipe: Recipe, server: BatchServer, tmp_path: Path) -> None:
    own = {"self-instruct": ["--no-check"], "magpie": ["--pre-query-template", "qwen2", "--concurrency", "1"]}.get(
        recipe.name, []
    )
    options = [*SMALL[recipe.name], "--llm", "openai", "--model", "stub-model", "--base-url", f"{server.url}/v1", *own]
    single = run_here(recipe, tmp_path / "single", *options)
    assert (single.status, len(server.batches)) == (0, 0), single.err
    singles = len(server.singles)
    ASKED.clear()
    batched = run_here(recipe, tmp_path / "batched", *options, "--batch")
    assert batched.status == 0, batched.err
    assert bytes_of(batched.path / "dataset") == bytes_of(single.path / "dataset")
    loops = {*recipe.stages_that_ask("rounds", "before")}
    asked = {batch.metadata["distilabel_selfinstruct"].rpartition("-")[0] for batch in server.batches}
    assert asked == batched.folder.summary().usage.keys() - loops
    assert len(server.singles) - singles + len(server.asked) == singles
