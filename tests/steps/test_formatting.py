"""FormatForTraining: chats, Alpaca's fields, the authors' prompts and completions."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from distilabel_selfinstruct import FormatForTraining
from distilabel_selfinstruct.data.seeds import write_seed_tasks
from distilabel_selfinstruct.steps.format import as_prompt_completion
from tests.steps.scripted_llm import seed


def instance(number: int, given: str = "3, 1, 2", output: str = "1, 2, 3", **known: Any) -> dict[str, Any]:
    return {
        "instance_id": f"000000-00-{number}", "instruction": "Sort the numbers.", "input": given, "output": output,
        "reject_reason": None, **known,
    }  # fmt: skip


def format_all(*rows: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    step = FormatForTraining(**options)
    step.load()
    made: list[dict[str, Any]] = next(step.process(list(rows)))
    return made


def test_messages() -> None:
    with_input, without = format_all(instance(0), instance(1, given="", output="What numbers?"))
    assert with_input == {
        "messages": [
            {"role": "user", "content": "Sort the numbers.\n\n3, 1, 2"},
            {"role": "assistant", "content": "1, 2, 3"},
        ]
    }
    assert without["messages"][0] == {"role": "user", "content": "Sort the numbers."}


def test_alpaca() -> None:
    assert format_all(instance(0), training_format="alpaca") == [
        {"instruction": "Sort the numbers.", "input": "3, 1, 2", "output": "1, 2, 3"}
    ]


@pytest.mark.parametrize("training_format", ["messages", "alpaca", "prompt_completion"])
def test_every_documented_column_is_there_and_no_other(training_format: Any) -> None:
    (row,) = format_all(instance(0), training_format=training_format)
    assert list(row) == FormatForTraining(training_format=training_format).outputs


class TestAuthorsTemplates:
    def prompts(self, given: str) -> set[str]:
        made = [as_prompt_completion("Sort.", given, "x", Random(seed)) for seed in range(300)]
        assert {row["completion"] for row in made} == {" x<|endoftext|>"}
        return {row["prompt"] for row in made}

    def test_with_input(self) -> None:
        assert self.prompts("3, 1") == {
            "Sort.\nInput: 3, 1\nOutput:",
            "Sort.\n\nInput: 3, 1\n\nOutput:",
            "Task: Sort.\nInput: 3, 1\nOutput:",
            "Sort.\n\n3, 1\n\nOutput:",
            "Sort.\n\n3, 1\n",
            "Sort.\n3, 1\n",
            "Task: Sort.\n\n3, 1\n",
        }

    def test_without_input(self) -> None:
        assert self.prompts("") == {
            "Sort. Output:", "Sort.\nOutput:", "Sort.\n\nOutput:", "Sort.\n", "Sort.\n\n", "Task: Sort.\n\n",
        }  # fmt: skip

    def test_half_of_the_time_a_single_field_name_is_cut_off(self) -> None:
        prompts = self.prompts("Numbers: 3, 1")
        assert "Sort.\n3, 1\n" in prompts
        assert "Sort.\nNumbers: 3, 1\n" in prompts
        made = [as_prompt_completion("Sort.", "Numbers: 3", "x", Random(seed))["prompt"] for seed in range(1000)]
        assert 400 < sum("Numbers" in prompt for prompt in made) < 600

    def test_several_field_names_stay(self) -> None:
        assert all("First: 3" in prompt and "Second: 1" in prompt for prompt in self.prompts("First: 3\nSecond: 1"))

    def test_then_empty_lines_of_the_input_go_too(self) -> None:
        prompts = self.prompts("3\n\n1")
        assert "Sort.\n3\n1\n" in prompts
        assert "Sort.\n3\n\n1\n" in prompts

    def test_braces_in_a_text_are_a_text(self) -> None:
        row = as_prompt_completion("Write {input} as JSON.", '{"a": {}}', "x", Random(0))
        assert "Write {input} as JSON." in row["prompt"]
        assert '{"a": {}}' in row["prompt"]


class TestWhichRows:
    def test_rejected_rows_are_left_out(self) -> None:
        assert format_all(instance(0, reject_reason="duplicate")) == []

    def test_each_text_once_also_across_batches(self) -> None:
        step = FormatForTraining()
        step.load()
        first = next(step.process([instance(0), instance(1)]))
        second = next(step.process([instance(2), instance(3, output="other")]))
        assert [len(first), len(second)] == [1, 1]

    def test_the_seeds_own_instances_come_first_on_request(self, tmp_path: Path) -> None:
        write_seed_tasks([seed(0, "Name a river."), seed(1, "Name a lake.")], tmp_path / "seeds.jsonl")
        step = FormatForTraining(training_format="alpaca", seed_files=[str(tmp_path / "seeds.jsonl")])
        step.load()
        first, second = next(step.process([instance(0)])), next(step.process([instance(1, output="other")]))
        assert [row["instruction"] for row in first] == ["Name a river.", "Name a lake.", "Sort the numbers."]
        assert [row["output"] for row in second] == ["other"]

    def test_the_draw_depends_on_seed_and_instance_alone(self) -> None:
        rows = [instance(number, output=f"{number}") for number in range(20)]
        together = format_all(*rows, training_format="prompt_completion")
        assert together == [format_all(row, training_format="prompt_completion")[0] for row in rows]
        assert together != format_all(*rows, training_format="prompt_completion", seed=1)


CHAT = [
    {"role": "user", "content": "Sort the numbers.\n\n3, 1, 2"},
    {"role": "assistant", "content": "1, 2, 3"},
    {"role": "user", "content": "And the other way?"},
    {"role": "assistant", "content": "3, 2, 1"},
]


def test_a_conversation_is_one_chat() -> None:
    assert format_all(instance(0, messages=CHAT, turns=2)) == [{"messages": CHAT}]


def test_thoughts_stand_at_the_answer_that_they_led_to() -> None:
    (row,) = format_all(instance(0, messages=CHAT, turns=2, reasoning="Small first."), keep_reasoning=True)
    assert [message["thinking"] for message in row["messages"]] == [None, "Small first.", None, None]


def test_in_other_formats_each_answer_is_a_row_below_what_was_said() -> None:
    first, second = format_all(instance(0, messages=CHAT, turns=2), training_format="alpaca")
    assert first == {"instruction": "Sort the numbers.", "input": "3, 1, 2", "output": "1, 2, 3"}
    assert second == {
        "instruction": "User: Sort the numbers.\n\n3, 1, 2\n\nAssistant: 1, 2, 3\n\nUser: And the other way?",
        "input": "",
        "output": "3, 2, 1",
    }
