"""BootstrapTasks: what its prompts show, what becomes of each task of a completion, any order of answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from distilabel.models.llms.base import LLM

from distilabel_selfinstruct import BootstrapTasks, DemoLLM, DurableLLM
from distilabel_selfinstruct.data.rows import Answer
from distilabel_selfinstruct.data.seeds import SeedTask
from distilabel_selfinstruct.presets import get_preset
from distilabel_selfinstruct.recipes.alpaca.steps import TaskLoop
from distilabel_selfinstruct.text.reading.answers import Instance
from tests.steps.scripted_llm import TEXTS, ScriptedLLM, UnevenLLM, text_of

Rows = list[dict[str, Any]]
SEEDS = [
    SeedTask("s0", "Reverse the word.", (Instance("cat", "tac"), Instance("dog", "god")), False),
    SeedTask("s1", "Name  the capital\nof Peru:", (Instance("", "Lima"),), False),
    SeedTask("s2", "Is it a fruit or a nut?", (Instance("pear", "fruit"),), True),
    SeedTask("s3", "Describe the taste of a ripe mango.", (Instance("", "Sweet."),), False),
]


def make(num_instructions: int = 100, **options: Any) -> TaskLoop:
    known = {"seed": 0, "lag": 2, "patience": 3, **options}
    return TaskLoop(SEEDS, get_preset("alpaca"), num_instructions, **known)


def written(*instructions: str, number: int = 4, input: str = "<noinput>", output: str = "An answer.") -> str:
    return "\n###\n".join(
        f"{at}. Instruction: {text}\n{at}. Input:\n{input}\n{at}. Output:\n{output}"
        for at, text in enumerate(instructions, number)
    )


def exchange(loop: TaskLoop, text: str, finish_reason: str = "stop") -> Rows:
    loop.draw()
    return loop.take(Answer(text, finish_reason))


class TestPrompts:
    def test_three_seed_tasks_and_nothing_that_was_made(self) -> None:
        loop = make(lag=1)
        for at in range(5):
            shots = loop.draw()[1]
            assert len({shot.id for shot in shots}) == 3
            assert all(shot in SEEDS for shot in shots)
            loop.take(Answer(written(TEXTS[at])))

    def test_the_seed_decides_which(self) -> None:
        def drawn(seed: int) -> list[list[str]]:
            loop = make(seed=seed, lag=5)
            return [[task.id for task in loop.draw()[1]] for _ in range(5)]

        assert drawn(0) == drawn(0) != drawn(1)

    @pytest.mark.parametrize("wording", ["chat", "base"])
    def test_a_seed_task_is_shown_with_its_first_instance(self, seed_file: str, wording: Any) -> None:
        task = BootstrapTasks(llm=DemoLLM(), seed_files=[seed_file], wording=wording)
        task.load()
        text = text_of(task.format_prompt(SEEDS[:2]))
        assert (
            "\n\n###\n1. Instruction: Reverse the word.\n1. Input:\ncat\n1. Output:\ntac"
            "\n###\n2. Instruction: Name the capital of Peru\n2. Input:\n<noinput>\n2. Output:\nLima\n###\n"
        ) in text
        assert "dog" not in text
        assert text.endswith("\n3. Instruction:" if wording == "base" else "Write nothing but the tasks.")

    @pytest.mark.parametrize(
        ("wording", "stop"), [("chat", None), ("base", ["\n20", "20."])]
    )  # fmt: skip
    def test_decoding_parameters_are_alpacas(self, seed_file: str, wording: Any, stop: list[str] | None) -> None:
        llm = ScriptedLLM().answering(written(TEXTS[0]) + "\n###\n")
        run(llm, seed_file, wording=wording, num_instructions=1)
        assert llm._parameters[0] == {"temperature": 1.0, "top_p": 1.0, "max_new_tokens": 3072, "stop": stop}


class TestAdmission:
    def test_an_admitted_task_carries_its_instance(self) -> None:
        (row,) = exchange(make(model_name="davinci"), written("find a rhyme for the word moon.", output="June"))
        assert {name: row[name] for name in ("instruction_id", "instruction", "instances", "reject_reason")} == {
            "instruction_id": "000000-00",
            "instruction": "Find a rhyme for the word moon.",
            "instances": [{"input": "", "output": "June", "reject_reason": None}],
            "reject_reason": None,
        }
        assert set(row["shot_ids"]) < {"s0", "s1", "s2", "s3"}
        assert (row["is_classification"], row["model_name"]) == (None, "davinci")

    @pytest.mark.parametrize(
        ("instruction", "reason"),
        [
            ("Reverse it.", "too_short"),
            (" ".join(["word"] * 151), "too_long"),
            ("Find some good music for a wedding.", "keyword"),
            ("Write a program that counts to ten.", "program"),
            ("(Optional) Find a rhyme for moon.", "punctuation"),
            ("Écris un poème sur la mer.", "non_ascii"),
            ("Describe the taste of a very ripe mango.", "similar"),
        ],
    )
    def test_alpacas_rules(self, instruction: str, reason: str) -> None:
        loop = make()
        (row,) = exchange(loop, written(instruction))
        assert (row["stage"], row["reject_reason"], row["instances"]) == ("bootstrap", reason, row["instances"])
        assert (loop.admitted, loop.candidates) == (0, 1)

    @pytest.mark.parametrize(
        ("input", "output", "reason"),
        [("", "", "input_equals_output"), ("moon", "", "empty_output"), ("Words:", "June", "trailing_colon")],
    )
    def test_a_task_whose_instance_is_of_no_use(self, input: str, output: str, reason: str) -> None:
        loop = make()
        (row,) = exchange(loop, written("Find a rhyme for the word.", input=input, output=output))
        assert (row["stage"], row["reject_reason"]) == ("bootstrap", reason)
        assert loop.admitted == 0

    def test_the_ten_most_similar_and_the_mean_are_kept(self) -> None:
        (row,) = exchange(make(), written("Describe the smell of a ripe mango and of a lemon."))
        assert row["most_similar"][0]["id"] == "s3"
        assert row["max_similarity"] == row["most_similar"][0]["score"] > row["mean_similarity"] > 0

    def test_a_task_is_compared_with_those_of_its_own_completion(self) -> None:
        rows = exchange(make(), written(TEXTS[0], TEXTS[1], TEXTS[0]))
        assert [row["reject_reason"] for row in rows] == [None, None, "similar"]
        assert rows[2]["neighbour_id"] == "000000-00"

    def test_what_comes_when_there_is_enough(self) -> None:
        rows = exchange(make(num_instructions=2), written(*TEXTS[:4]))
        assert [row["reject_reason"] for row in rows] == [None, None, "surplus", "surplus"]

    def test_only_the_last_task_of_a_cut_completion_is_rejected(self) -> None:
        rows = exchange(make(), written(*TEXTS[:3])[:-4], "length")
        assert [row["reject_reason"] for row in rows] == [None, None, "truncated"]
        assert rows[2]["instruction"] == TEXTS[2]
        assert rows[2]["detail"].endswith("Output:\nAn ans")

    def test_a_task_that_lacks_a_field(self) -> None:
        rows = exchange(make(), written(*TEXTS[:3]).replace("5. Output:\nAn answer.\n", ""))
        assert [row["reject_reason"] for row in rows] == [None, "missing_field", None]
        assert rows[1]["detail"] == f"5. Instruction: {TEXTS[1]}\n5. Input:\n<noinput>"

    @pytest.mark.parametrize(
        ("text", "reason"), [("", "no_instructions"), ("I'm sorry, but I can't continue this list.", "refusal")]
    )
    def test_a_completion_without_tasks(self, text: str, reason: str) -> None:
        (row,) = exchange(make(), text)
        assert (row["reject_reason"], row["detail"], row["instruction"]) == (reason, text, None)

    def test_a_request_that_failed(self) -> None:
        loop = make()
        loop.draw()
        (row,) = loop.take(Answer(None, failure="server_error", detail="HTTP 500"))
        assert (row["reject_reason"], row["detail"]) == ("server_error", "HTTP 500")


class TestBaseWording:
    """A stop sequence such as "20." ends a completion in the middle of a number, too."""

    def test_the_text_goes_on_after_the_mark(self) -> None:
        text = written(*TEXTS[:2]).removeprefix("4. Instruction:") + "\n###"
        rows = exchange(make(continues_text=True), text)
        assert [(row["instruction"], row["reject_reason"]) for row in rows] == [(TEXTS[0], None), (TEXTS[1], None)]

    def test_a_last_task_that_no_mark_follows_may_be_cut(self) -> None:
        text = written(*TEXTS[:2]).removeprefix("4. Instruction:") + "\nIn the year 20"
        rows = exchange(make(continues_text=True), text)
        assert [row["reject_reason"] for row in rows] == [None, "truncated"]

    def test_nothing_said(self) -> None:
        (row,) = exchange(make(continues_text=True), "  \n")
        assert row["reject_reason"] == "no_instructions"


def run(llm: LLM, seed_file: str, **options: Any) -> Rows:
    """What a task yields, from load to unload."""
    task = BootstrapTasks(llm=llm, **{"seed_files": [seed_file], "num_instructions": 30, **options})
    task.load()
    try:
        return [row for rows, _ in task.process() for row in rows]
    finally:
        task.unload()


class TestTask:
    @pytest.mark.parametrize("wording", ["chat", "base"])
    def test_exactly_as_many_as_asked_for_in_rows_with_every_column(self, seed_file: str, wording: str) -> None:
        rows = run(DemoLLM(), seed_file, num_instructions=57, wording=wording)
        assert sum(row["reject_reason"] is None for row in rows) == 57
        columns = BootstrapTasks(llm=DemoLLM(), seed_files=[seed_file]).outputs
        assert all(list(row) == columns for row in rows)

    def test_the_order_in_which_answers_arrive_changes_nothing(self, seed_file: str, tmp_path: Path) -> None:
        def made(name: str, longest: float) -> Rows:
            inner = UnevenLLM(inner=DemoLLM(), longest=longest)
            llm = DurableLLM(llm=inner, folder=str(tmp_path / name), stage="bootstrap")
            return run(llm, seed_file, lag=4)

        at_once = made("at once", 0.0)
        assert made("late", 0.05) == at_once
        assert run(DemoLLM(), seed_file, lag=4) == at_once

    def test_how_it_ended(self, seed_file: str, tmp_path: Path) -> None:
        llm = ScriptedLLM().answering(written(TEXTS[0]))
        run(llm, seed_file, num_instructions=50, lag=2, patience=3, folder=str(tmp_path))
        report = json.loads((tmp_path / "bootstrap.json").read_text())
        assert (report["ended"], report["admitted"], report["wanted"], report["prompts"]) == ("stalled", 1, 50, 7)
        pool = (tmp_path / "pool.jsonl").read_text(encoding="utf-8").splitlines()
        assert json.loads(pool[-1]) == {"id": "000000-00", "instruction": TEXTS[0]}
