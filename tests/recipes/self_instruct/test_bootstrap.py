"""BootstrapInstructions without a pipeline: batches, determinism, its end, any LLM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distilabel.models.llms.base import LLM

from distilabel_selfinstruct import BootstrapInstructions, DemoLLM, DurableLLM
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.rows import candidate_row
from distilabel_selfinstruct.errors import ConfigError, PipelineError, RequestFailed
from distilabel_selfinstruct.models.slots import SlotServer
from distilabel_selfinstruct.usage import Budget
from tests.steps.scripted_llm import TEXTS, ScriptedLLM, UnevenLLM, text_of

Rows = list[dict[str, Any]]


@pytest.fixture
def batches(seed_file: str) -> Any:
    """What a task yields, from load to unload."""

    def run(llm: LLM, **options: Any) -> list[tuple[Rows, bool]]:
        task = BootstrapInstructions(llm=llm, **{"seed_files": [seed_file], "num_instructions": 12, **options})
        task.load()
        try:
            return list(task.process())
        finally:
            task.unload()

    return run


def flat(batches: list[tuple[Rows, bool]]) -> Rows:
    return [row for rows, _ in batches for row in rows]


def admitted(rows: Rows) -> list[str]:
    return [row["instruction"] for row in rows if row["reject_reason"] is None]


def durable(llm: LLM, folder: Path, concurrency: int = 8, **attributes: Any) -> DurableLLM:
    return DurableLLM(llm=llm, folder=str(folder), stage="bootstrap", concurrency=concurrency, **attributes)


class TestBatches:
    def test_exactly_as_many_as_asked_for(self, batches: Any) -> None:
        rows = flat(batches(DemoLLM(), num_instructions=57))
        assert len(set(admitted(rows))) == 57

    @pytest.mark.parametrize("size", [1, 7, 1000])
    def test_no_batch_is_empty_and_only_the_last_one_says_so(self, batches: Any, size: int) -> None:
        made = batches(DemoLLM(), batch_size=size)
        assert all(1 <= len(rows) <= size for rows, _ in made)
        assert [is_last for _, is_last in made] == [False] * (len(made) - 1) + [True]

    def test_every_row_has_every_documented_column(self, batches: Any, seed_file: str) -> None:
        columns = BootstrapInstructions(llm=DemoLLM(), seed_files=[seed_file]).outputs
        assert columns == list(candidate_row())
        assert all(list(row) == columns for row in flat(batches(DemoLLM())))

    def test_rows_come_while_the_loop_goes_on(self, seed_file: str) -> None:
        llm = ScriptedLLM().answering(listing(iter(TEXTS)))
        task = BootstrapInstructions(llm=llm, seed_files=[seed_file], num_instructions=10, lag=1, batch_size=2)
        task.load()
        made = task.process()
        rows, is_last = next(made)
        assert (len(rows), is_last) == (1, False)  # one row is held back: the last batch must not be empty
        assert len(flat(list(made))) == 9


def listing(texts: Iterator[str]) -> Any:
    """One new instruction a prompt."""
    return lambda prompt: f"9. {next(texts, 'Say hello.')}"


class TestPrompts:
    def test_six_seeds_and_two_machine_instructions(self, batches: Any) -> None:
        rows = flat(batches(DemoLLM(), num_instructions=60, lag=2))
        later = [row["shot_ids"] for row in rows if row["round"] >= 2]
        assert later
        for ids in later:
            assert len(set(ids)) == 8
            assert sum(each.startswith("seed_task_") for each in ids) == 6

    def test_the_lag_rule(self, batches: Any, tmp_path: Path) -> None:
        llm = durable(UnevenLLM(inner=DemoLLM(), longest=0.01), tmp_path)
        rows = flat(batches(llm, num_instructions=60, lag=3))
        known = {row["instruction_id"] for row in rows if row["reject_reason"] is None}
        for row in rows:
            number = int(row["instruction_id"].split("-")[0])
            assert row["round"] == number // 3
            for each in row["shot_ids"]:
                if not each.startswith("seed_task_"):
                    assert each in known
                    assert int(each.split("-")[0]) <= number - 3

    @pytest.mark.parametrize(
        ("wording", "end"),
        [
            ("base", "\n9."),
            ("chat", "\nContinue the list with 8 new instructions, numbered 9 to 16."),
            ("structured", "\nContinue the list with 8 new instructions, as JSON."),
        ],
    )
    def test_wordings(self, batches: Any, wording: str, end: str) -> None:
        llm = ScriptedLLM().answering(listing(iter(TEXTS)))
        batches(llm, wording=wording, num_instructions=2)
        prompt = llm._asked[0]
        assert isinstance(prompt, {"base": str, "chat": list, "structured": tuple}[wording])
        assert text_of(prompt).endswith(end)
        assert "\n8. " in text_of(prompt)

    def test_classification_only(self, batches: Any) -> None:
        llm = ScriptedLLM().answering(listing(iter(TEXTS)))
        batches(llm, num_instructions=2, classification_only=True, wording="base")
        assert text_of(llm._asked[0]).startswith("A list of varied classification tasks for a language model.")

    @pytest.mark.parametrize(
        ("preset", "wording", "expected"),
        [
            ("paper", "base", {"temperature": 0.7, "top_p": 0.5, "max_new_tokens": 1024,
                               "stop": ["\n\n", "\n16", "16.", "16 ."]}),
            ("default", "chat", {"temperature": 1.0, "top_p": 0.95, "max_new_tokens": 1024, "stop": None}),
        ],
    )  # fmt: skip
    def test_decoding_parameters(self, batches: Any, preset: str, wording: str, expected: dict[str, Any]) -> None:
        llm = ScriptedLLM().answering(lambda prompt: f" {TEXTS[0]}\n10. {TEXTS[1]}")
        batches(llm, preset=preset, wording=wording, num_instructions=1)
        assert llm._parameters == [expected]

    def test_generation_kwargs_of_the_llm_win(self, batches: Any) -> None:
        llm = ScriptedLLM(generation_kwargs={"temperature": 0.2}).answering(listing(iter(TEXTS)))
        batches(llm, num_instructions=1)
        assert llm._parameters[0]["temperature"] == 0.2

    def test_a_model_without_stop_sequences_is_cut_by_us(self, batches: Any) -> None:
        llm = ScriptedLLM().answering(lambda prompt: f" {TEXTS[0]}\n10. {TEXTS[1]}\n\nAnd that was my list.")
        rows = flat(batches(llm, wording="base", preset="paper", num_instructions=2))
        assert [row["instruction"] for row in rows] == [text.capitalize() for text in TEXTS[:2]]


class TestDeterminism:
    def test_the_order_in_which_answers_arrive_changes_nothing(self, batches: Any, tmp_path: Path) -> None:
        def run(name: str, longest: float) -> tuple[Rows, str]:
            (tmp_path / name).mkdir()
            llm = durable(UnevenLLM(inner=DemoLLM(), longest=longest), tmp_path / name / "completions")
            rows = flat(batches(llm, num_instructions=60, lag=6, folder=str(tmp_path / name)))
            return rows, (tmp_path / name / "pool.jsonl").read_text(encoding="utf-8")

        at_once = run("at once", 0.0)
        assert len(admitted(at_once[0])) == 60
        assert run("late", 0.05) == at_once
        assert run("later", 0.05) == at_once

    def test_nor_does_the_kind_of_llm(self, batches: Any, tmp_path: Path) -> None:
        plain = flat(batches(DemoLLM(), lag=4))
        assert flat(batches(durable(DemoLLM(), tmp_path / "a"), lag=4)) == plain
        assert flat(batches(durable(UnevenLLM(inner=DemoLLM(), longest=0.02), tmp_path / "b"), lag=4)) == plain

    def test_the_seed_does(self, batches: Any) -> None:
        first, second = (admitted(flat(batches(DemoLLM(), seed=seed))) for seed in (0, 1))
        assert len(first) == len(second) == 12
        assert first != second

    def test_what_was_answered_is_not_asked_again(self, batches: Any, tmp_path: Path) -> None:
        def run(answer: Any) -> tuple[Rows, int]:
            llm = ScriptedLLM().answering(answer)
            return flat(batches(durable(llm, tmp_path), num_instructions=5, lag=1)), len(llm._asked)

        first, asked = run(listing(iter(TEXTS)))
        assert asked == 5
        assert run(lambda prompt: AssertionError("asked again")) == (first, 0)


class TestEnd:
    def test_it_stops_when_nothing_new_comes(self, batches: Any, tmp_path: Path) -> None:
        llm = ScriptedLLM().answering(f"9. {TEXTS[0]}")
        made = batches(llm, num_instructions=50, lag=2, patience=3, folder=str(tmp_path))
        rows = flat(made)
        assert [row["reject_reason"] for row in rows] == [None] + ["similar"] * 6
        assert made[-1][1] is True
        assert json.loads((tmp_path / "bootstrap.json").read_text()) == {
            "ended": "stalled", "admitted": 1, "wanted": 50, "candidates": 7, "prompts": 7, "rounds": 4, "lag": 2,
            "patience": 3,
        }  # fmt: skip

    def test_who_looks_on_sees_how_far_it_is(
        self, batches: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("distilabel_selfinstruct.steps.loops.task._TELL", 0.0)
        batches(ScriptedLLM().answering(listing(iter(TEXTS))), num_instructions=3, lag=1, folder=str(tmp_path))
        assert RunFolder(tmp_path).progress() == {"bootstrap": {"admitted": 3, "wanted": 3}}

    def test_the_report_of_a_full_pool(self, batches: Any, tmp_path: Path, seed_file: str) -> None:
        rows = flat(
            batches(ScriptedLLM().answering(listing(iter(TEXTS))), num_instructions=3, lag=1, folder=str(tmp_path))
        )
        assert json.loads((tmp_path / "bootstrap.json").read_text())["ended"] == "complete"
        pool = [json.loads(line) for line in (tmp_path / "pool.jsonl").read_text(encoding="utf-8").splitlines()]
        assert pool[-3:] == [{"id": row["instruction_id"], "instruction": row["instruction"]} for row in rows]
        assert len(pool) == 3 + len(Path(seed_file).read_text(encoding="utf-8").splitlines())

    def test_requests_that_fail_cost_themselves_only(self, batches: Any, tmp_path: Path) -> None:
        numbers = iter(range(100))
        texts = iter(TEXTS)

        def answer(prompt: str) -> Any:
            return ValueError("too hot") if next(numbers) % 3 == 1 else f"9. {next(texts)}"

        rows = flat(batches(durable(ScriptedLLM().answering(answer), tmp_path, 1), num_instructions=4, lag=1))
        assert [row["reject_reason"] for row in rows] == [None, "model_error", None, None, "model_error", None]
        assert rows[1]["detail"] == "too hot"
        assert rows[1]["instruction"] is None

    def test_an_error_of_a_plain_llm_is_raised(self, batches: Any) -> None:
        with pytest.raises(ValueError, match="too hot"):
            batches(ScriptedLLM().answering(lambda prompt: ValueError("too hot")))

    def test_not_a_single_completion(self, batches: Any, tmp_path: Path) -> None:
        with SlotServer(8, Budget(max_tokens=1, spent_input=1)), pytest.raises(PipelineError) as caught:
            batches(durable(UnevenLLM(inner=DemoLLM()), tmp_path))
        assert str(caught.value) == "Not a single completion came, so there is nothing to go on with."

    def test_what_came_instead_of_a_completion(self, batches: Any, tmp_path: Path) -> None:
        broken = RequestFailed("the server broke the answer off", "server_error", retryable=True, kind="service")
        llm = durable(ScriptedLLM().answering(lambda prompt: broken), tmp_path, keeps_failures=True)
        with pytest.raises(PipelineError) as caught:
            batches(llm)
        assert str(caught.value).endswith(" What came last instead of an answer: the server broke the answer off")


class TestAttributes:
    def test_no_seed_file(self) -> None:
        with pytest.raises(ConfigError) as caught:
            BootstrapInstructions(llm=DemoLLM()).load()
        assert str(caught.value) == "No seed tasks: give `seed_files`, the path of at least one seed file."

    def test_no_such_preset(self) -> None:
        with pytest.raises(ConfigError, match=r"There is no preset 'papr' \(did you mean paper\?\); choose one of: "):
            BootstrapInstructions(llm=DemoLLM(), preset="papr")

    @pytest.mark.parametrize("wrong", [{"num_instructions": 0}, {"lag": 0}, {"patience": 0}])
    def test_numbers_start_at_one(self, wrong: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="greater than 0"):
            BootstrapInstructions(llm=DemoLLM(), **wrong)
