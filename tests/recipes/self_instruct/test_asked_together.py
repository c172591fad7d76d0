"""Several instructions in one request about classification: a verdict for each, or all are asked about one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct import DurableLLM, IdentifyClassification, OpenAICompatibleLLM
from distilabel_selfinstruct.data.shipped import PROJECT_SEEDS
from distilabel_selfinstruct.text.reading.answers import parse_classifications
from tests.support.answers import prompt_of
from tests.support.openai_server import Answer, Body, OpenAIServer

INSTRUCTIONS = ["Is it even?", "Name a river.", "Is it a fruit?"]


@pytest.mark.parametrize(
    ("completion", "verdicts"),
    [
        ("1. Yes\n2. No\n3. Yes", [True, False, True]),
        ("**1.** yes\n\n2) No.\n3: YES", [True, False, True]),
        ("Task 1: Yes\nTask 2: No\nTask 3: Yes", [True, False, True]),
        ("1. Yes\n2. No", []),
        ("1. Yes\n2. No\n2. Yes", []),
        ("1. Yes\n3. Yes\n2. No", []),
        ("1. Yes\n2. No, but it could be\n3. Yes", []),
        ("Here you are:\n1. Yes\n2. No\n3. Yes", []),
        ("Yes\nNo\nYes", []),
        ("", []),
    ],
)
def test_only_one_line_for_each_is_read(completion: str, verdicts: list[bool]) -> None:
    assert parse_classifications(completion, 3) == verdicts


def asked(folder: Path, together: int, several: str, rows: list[dict[str, Any]]) -> tuple[list[Any], list[str]]:
    """The rows that come of it, and the prompts that a server was sent, to which it answers `several` things so."""

    def answer(body: Body) -> str | Answer:
        prompt = prompt_of(body)
        if "Now these" in prompt:
            return several
        return "Yes" if prompt.rpartition("Task: ")[2].startswith("Is ") else "No"

    with OpenAIServer(answer=answer) as server:
        task = IdentifyClassification(
            llm=DurableLLM(
                llm=OpenAICompatibleLLM(model="stub-model", base_url=server.url),
                folder=str(folder),
                stage="classification",
            ),
            seed_files=[str(PROJECT_SEEDS)],
            together=together,
        )
        task.load()
        got = next(task.process(rows))
        task.unload()
        return got, [prompt_of(request.body) for request in server.requests]


def rows() -> list[dict[str, Any]]:
    return [{"instruction": each, "reject_reason": None} for each in INSTRUCTIONS]


def test_one_request_asks_about_several(tmp_path: Path) -> None:
    got, prompts = asked(tmp_path, 3, "1. Yes\n2. No\n3. Yes", rows())
    assert [row["is_classification"] for row in got] == [True, False, True]
    assert len(prompts) == 1
    assert prompts[0].endswith(
        'its number and Yes or No, such as "1. Yes".\n\n'
        "Task 1: Is it even?\nTask 2: Name a river.\nTask 3: Is it a fruit?\nIs each classification?"
    )


def test_the_tokens_of_the_request_are_shared_among_the_rows(tmp_path: Path) -> None:
    got, prompts = asked(tmp_path, 3, "1. Yes\n2. No\n3. Yes", rows())
    assert sum(row["input_tokens"] for row in got) == len(prompts[0].split())
    assert [row["output_tokens"] for row in got] == [2, 2, 2]


def test_an_answer_out_of_form_leads_to_a_request_for_each(tmp_path: Path) -> None:
    got, prompts = asked(tmp_path, 3, "1. Yes\n2. Well\n3. Yes", rows())
    assert [row["is_classification"] for row in got] == [True, False, True]
    assert len(prompts) == 1 + 3


def test_only_the_group_whose_answer_is_out_of_form_is_asked_again(tmp_path: Path) -> None:
    got, prompts = asked(tmp_path, 2, "1. Yes\n2. No", rows())
    assert [row["is_classification"] for row in got] == [True, False, True]
    assert len(prompts) == 2 + 1


def test_rows_that_are_rejected_are_in_no_group(tmp_path: Path) -> None:
    given = rows()
    given[1]["reject_reason"] = "too_similar"
    got, prompts = asked(tmp_path, 2, "1. Yes\n2. Yes", given)
    assert [row["is_classification"] for row in got] == [True, None, True]
    assert len(prompts) == 1


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    asked(tmp_path, 2, "1. Yes\n2. No", rows())
    got, prompts = asked(tmp_path, 2, "no longer there", rows())
    assert [row["is_classification"] for row in got] == [True, False, True]
    assert prompts == []
