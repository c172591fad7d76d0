"""A loop that goes on behind what an earlier session has taken: the same rows, and nothing judged or asked again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from distilabel.models.llms.base import LLM

from distilabel_selfinstruct import (
    BootstrapInstructions,
    BootstrapTasks,
    DemoLLM,
    DurableLLM,
    GenerateTopics,
    MagpieInstructions,
)
from distilabel_selfinstruct.data.rows import Answer, Row
from distilabel_selfinstruct.errors import RequestFailed
from distilabel_selfinstruct.models.slots import SlotServer
from distilabel_selfinstruct.steps.loops.loop import Loop
from distilabel_selfinstruct.usage import Budget
from tests.steps.scripted_llm import TEXTS, ScriptedLLM, UnevenLLM
from tests.support.embeddings import write_static

LOOPS: dict[str, Callable[..., Any]] = {
    "bootstrap": lambda seed_file, **more: BootstrapInstructions(seed_files=[seed_file], num_instructions=60, **more),
    "alpaca": lambda seed_file, **more: BootstrapTasks(seed_files=[seed_file], num_instructions=60, **more),
    "magpie": lambda _, **more: MagpieInstructions(num_instructions=20, pre_query_template="qwen2", **more),
    "topics": lambda _, **more: GenerateTopics(num_topics=40, **more),
}


class Killed(Exception):
    """What ends a session in the middle."""


@pytest.fixture(params=LOOPS)
def task(request: pytest.FixtureRequest, seed_file: str) -> Callable[..., Any]:
    return lambda **more: LOOPS[request.param](seed_file, lag=5, **more)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the prompts whose answers were read and judged; before the one that comes first it may die."""
    numbers: list[int] = []
    take = Loop.take

    def noted(self: Loop, answer: Answer) -> list[Row]:
        if numbers and numbers[0] < 0 and numbers[0] == -self.taken:
            raise Killed
        numbers.append(self.taken)
        return take(self, answer)

    monkeypatch.setattr(Loop, "take", noted)
    return numbers


def rows_of(task: Callable[..., Any], folder: Path, model: LLM | None = None, **more: Any) -> list[Row]:
    folder.mkdir(exist_ok=True)
    completions = str(folder / "completions")
    llm = DurableLLM(llm=model or DemoLLM(), folder=completions, stage="made", keeps_failures=True)
    made = task(llm=llm, folder=str(folder), **more)
    made.load()
    try:
        return [row for rows, _ in made.process() for row in rows]
    finally:
        made.unload()


@pytest.mark.parametrize("after", [1, 4])
def test_the_rows_are_the_same_and_only_new_answers_are_judged(
    task: Callable[..., Any], taken: list[int], tmp_path: Path, after: int
) -> None:
    whole = rows_of(task, tmp_path / "whole")
    prompts = len(taken)
    assert prompts > after
    taken[:] = [-after]
    with pytest.raises(Killed):
        rows_of(task, tmp_path / "killed")
    taken.clear()
    assert rows_of(task, tmp_path / "killed") == whole
    assert taken == list(range(after, prompts))
    taken.clear()
    assert rows_of(task, tmp_path / "killed") == whole
    assert taken == []


def test_with_other_options_all_are_judged_again(seed_file: str, taken: list[int], tmp_path: Path) -> None:
    def task(**more: Any) -> Any:
        return BootstrapInstructions(seed_files=[seed_file], lag=5, **{"num_instructions": 30, **more})

    rows_of(task, tmp_path)
    taken.clear()
    more = rows_of(task, tmp_path, num_instructions=60)
    assert taken[0] == 0
    assert more == rows_of(task, tmp_path / "other", num_instructions=60)


def test_what_the_folder_is_told_is_the_same(seed_file: str, taken: list[int], tmp_path: Path) -> None:
    def task(**more: Any) -> Any:
        return BootstrapInstructions(seed_files=[seed_file], lag=5, num_instructions=60, **more)

    late = UnevenLLM(inner=DemoLLM(), longest=0.01)
    rows_of(task, tmp_path / "whole", late)
    taken[:] = [-3]
    with pytest.raises(Killed):
        rows_of(task, tmp_path / "killed", late)
    taken.clear()
    rows_of(task, tmp_path / "killed", late)
    for name in ("bootstrap.json", "pool.jsonl"):
        assert (tmp_path / "killed" / name).read_text() == (tmp_path / "whole" / name).read_text()
    assert json.loads((tmp_path / "killed" / "bootstrap.json").read_text())["ended"] == "complete"


def saying(what: Iterable[Any]) -> ScriptedLLM:
    """A model that says one after the other."""
    rest = iter(what)
    return ScriptedLLM().answering(lambda prompt: next(rest))


@pytest.mark.parametrize("is_answered_later", [False, True])
def test_what_may_have_been_the_fault_of_the_set_up_is_asked_again(
    seed_file: str, taken: list[int], tmp_path: Path, is_answered_later: bool
) -> None:
    """A refusal counts once something that was asked behind it has been answered."""

    def task(**more: Any) -> Any:
        return BootstrapInstructions(seed_files=[seed_file], lag=1, num_instructions=6, **more)

    texts, refused = iter(TEXTS), RequestFailed("no such model", "bad_request", kind="setup")
    said: list[Any] = [f"9. {next(texts)}", refused, *([f"9. {next(texts)}"] if is_answered_later else [])]
    taken[:] = [-len(said)]
    with pytest.raises(Killed):
        rows_of(task, tmp_path, saying(said))
    taken.clear()
    rows = rows_of(task, tmp_path, saying([f"9. {text}" for text in texts]))
    assert taken[0] == (3 if is_answered_later else 1)
    assert [row["reject_reason"] for row in rows].count("bad_request") == is_answered_later


def test_a_loop_that_had_stalled_asks_nothing(seed_file: str, tmp_path: Path) -> None:
    def task(**more: Any) -> Any:
        return BootstrapInstructions(seed_files=[seed_file], num_instructions=50, lag=2, patience=3, **more)

    first = rows_of(task, tmp_path, ScriptedLLM().answering("9. Name the capital of Peru and one river near it."))
    llm = ScriptedLLM()
    assert rows_of(task, tmp_path, llm) == first
    assert llm._asked == []


def test_rows_of_earlier_sessions_come_though_nothing_may_be_asked(
    seed_file: str, taken: list[int], tmp_path: Path
) -> None:
    def task(**more: Any) -> Any:
        return BootstrapInstructions(seed_files=[seed_file], lag=5, num_instructions=60, **more)

    whole = rows_of(task, tmp_path / "whole")
    taken[:] = [-3]
    with pytest.raises(Killed):
        rows_of(task, tmp_path)
    with SlotServer(8, Budget(max_tokens=1, spent_input=1)):
        rows = rows_of(task, tmp_path, UnevenLLM(inner=DemoLLM()))
    assert 0 < len(rows) < len(whole)
    assert rows == whole[: len(rows)]
    assert json.loads((tmp_path / "bootstrap.json").read_text())["ended"] == "budget"


def test_what_means_the_same_as_a_text_of_an_earlier_session(seed_file: str, taken: list[int], tmp_path: Path) -> None:
    static = write_static(tmp_path / "static", {"number": (1.0, 0.0), "word": (0.0, 1.0), "sentence": (1.0, 1.0)})

    def task(**more: Any) -> Any:
        return BootstrapInstructions(
            seed_files=[seed_file], lag=5, num_instructions=20, semantic_threshold=0.9, embedder=static, **more
        )

    whole = rows_of(task, tmp_path / "whole")
    assert sum(row["reject_reason"] == "same_meaning" for row in whole[len(whole) // 2 :]) > 1
    taken[:] = [-3]
    with pytest.raises(Killed):
        rows_of(task, tmp_path / "killed")
    taken.clear()
    assert rows_of(task, tmp_path / "killed") == whole
    assert taken[0] == 3
