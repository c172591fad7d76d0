"""IdentifyClassification without a pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from distilabel_selfinstruct import IdentifyClassification, load_seed_tasks
from tests.steps.scripted_llm import ScriptedLLM, seed, text_of

INSTRUCTION = "Decide whether the review is positive or negative."


@pytest.fixture
def identify(seed_file: str) -> Any:
    def run(llm: ScriptedLLM, rows: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
        task = IdentifyClassification(llm=llm, **{"seed_files": [seed_file], **options})
        task.load()
        made: list[dict[str, Any]] = next(task.process(rows))
        return made

    return run


def row(instruction: str = INSTRUCTION, **known: Any) -> dict[str, Any]:
    return {"instruction_id": "000000-00", "instruction": instruction, "reject_reason": None, **known}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("Yes", True), (" No", False), ("**Yes**.", True), ("No, it is not.", False), ("yes\r\n", True)],
)
def test_yes_and_no(identify: Any, answer: str, expected: bool) -> None:
    (made,) = identify(ScriptedLLM().answering(answer), [row()])
    assert (made["is_classification"], made["reject_reason"]) == (expected, None)


@pytest.mark.parametrize("answer", ["Maybe", "", "It depends on whether yes or no is meant."])
def test_anything_else_rejects_the_row(identify: Any, answer: str) -> None:
    (made,) = identify(ScriptedLLM().answering(answer), [row()])
    assert made["is_classification"] is None
    assert (made["stage"], made["reject_reason"], made["detail"]) == (
        "classification", "unclear_classification", answer,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (" Yes", True),
        ("yes", True),
        ("YES\n", True),
        ("Yes.", False),
        ("**Yes**", False),
        ("Maybe", False),
        ("", False),
    ],
)
def test_paper_takes_everything_but_a_plain_yes_for_no(identify: Any, answer: str, expected: bool) -> None:
    (made,) = identify(ScriptedLLM().answering(answer), [row()], preset="paper", wording="base")
    assert (made["is_classification"], made["reject_reason"]) == (expected, None)


def test_all_columns_of_an_answered_row(identify: Any) -> None:
    (made,) = identify(ScriptedLLM().answering("Yes"), [row(model_name="of the bootstrap", input_tokens=1)])
    assert made == {
        "instruction_id": "000000-00", "instruction": INSTRUCTION, "is_classification": True, "stage": None,
        "reject_reason": None, "detail": None, "finish_reason": "stop", "input_tokens": 7, "output_tokens": 3,
        "reasoning": None, "model_name": "scripted", "instruction_model": "of the bootstrap",
    }  # fmt: skip


def test_rejected_rows_are_passed_on_untouched_and_in_place(identify: Any) -> None:
    rejected = row("Say hello.", stage="bootstrap", reject_reason="too_short", model_name="m", input_tokens=5)
    llm = ScriptedLLM().answering("No")
    made = identify(llm, [row(), rejected, row("Name a river.")])
    assert made[1] == rejected | {"is_classification": None, "detail": None, "instruction_model": "m"}
    assert [each["instruction"] for each in made] == [INSTRUCTION, "Say hello.", "Name a river."]
    assert len(llm._asked) == 2


def test_a_batch_of_rejected_rows_asks_nothing(identify: Any) -> None:
    llm = ScriptedLLM().answering(lambda prompt: AssertionError("asked"))
    assert len(identify(llm, [row(reject_reason="similar")] * 3)) == 3


def test_rows_may_come_from_elsewhere(identify: Any) -> None:
    given = {"instruction": INSTRUCTION}
    (made,) = identify(ScriptedLLM().answering("Yes"), [given])
    assert (made["is_classification"], made["reject_reason"]) == (True, None)
    assert given == {"instruction": INSTRUCTION}  # and are not changed


def test_no_completion(identify: Any) -> None:
    (made,) = identify(ScriptedLLM().answering(lambda prompt: None), [row()])
    assert (made["stage"], made["reject_reason"]) == ("classification", "no_completion")


@pytest.mark.parametrize(("preset", "yes", "no"), [("paper", 12, 19), ("default", 6, 10)])
def test_the_prompt_shows_so_many_of_either_kind(identify: Any, seed_file: str, preset: str, yes: int, no: int) -> None:
    llm = ScriptedLLM().answering("Yes")
    identify(llm, [row(), row("Name a river.")], wording="base", preset=preset)
    first, second = map(text_of, llm._asked)
    assert first.count("\nIs it classification? Yes\n") == yes
    assert first.count("\nIs it classification? No\n") == no
    assert first.endswith(f"\nTask: {INSTRUCTION}\nIs it classification?")
    assert second == first.replace(INSTRUCTION, "Name a river.")  # the same shots for the whole run
    shown = [block.split("\n")[0] for block in first.split("\nTask: ")[1:-1]]
    assert set(shown) <= {task.instruction.split("\n")[0] for task in load_seed_tasks(seed_file)}


def test_the_seed_draws_the_shots(identify: Any) -> None:
    def prompt(seed: int) -> str:
        llm = ScriptedLLM().answering("Yes")
        identify(llm, [row()], seed=seed)
        return text_of(llm._asked[0])

    assert prompt(0) == prompt(0)
    assert prompt(0) != prompt(1)


@pytest.mark.parametrize(
    ("wording", "end"),
    [
        ("base", f"Task: {INSTRUCTION}\nIs it classification?"),
        ("chat", f"Now this task. Answer Yes or No.\n\nTask: {INSTRUCTION}\nIs it classification?"),
        ("structured", f"Now this task, as JSON.\n\nTask: {INSTRUCTION}"),
    ],
)
def test_wordings(identify: Any, wording: str, end: str) -> None:
    llm = ScriptedLLM().answering('{"is_classification": true}' if wording == "structured" else "Yes")
    (made,) = identify(llm, [row()], wording=wording)
    assert made["is_classification"] is True
    assert isinstance(llm._asked[0], {"base": str, "chat": list, "structured": tuple}[wording])
    assert text_of(llm._asked[0]).endswith(end)


def test_decoding_parameters_of_the_paper(identify: Any) -> None:
    llm = ScriptedLLM().answering("Yes")
    identify(llm, [row()], preset="paper", wording="base")
    assert llm._parameters == [{"temperature": 0.0, "top_p": 0.0, "max_new_tokens": 3, "stop": ["\n", "Task"]}]


def test_a_model_that_goes_on_is_cut_by_us(identify: Any) -> None:
    llm = ScriptedLLM().answering(" Yes\nTask: Name a river.\nIs it classification? No")
    (made,) = identify(llm, [row()], preset="paper", wording="base")
    assert made["is_classification"] is True


def test_few_seed_tasks_are_all_shown(identify: Any, tmp_path: Any) -> None:
    from distilabel_selfinstruct.data.seeds import write_seed_tasks

    write_seed_tasks([seed(0, "Name a river."), seed(1, "Is it warm?", is_classification=True)], tmp_path / "two.jsonl")
    llm = ScriptedLLM().answering("Yes")
    identify(llm, [row()], seed_files=[str(tmp_path / "two.jsonl")])
    assert "Task: Name a river.\nIs it classification? No" in text_of(llm._asked[0])
    assert "Task: Is it warm?\nIs it classification? Yes" in text_of(llm._asked[0])


def test_nobody_is_asked_about_what_certainly_wants_a_text(identify: Any) -> None:
    llm = ScriptedLLM().answering("Yes")
    poem, kind = identify(llm, [row("Write a poem about snow."), row()])
    assert (poem["is_classification"], poem["reject_reason"]) == (False, None)
    assert kind["is_classification"] is True
    assert len(llm._asked) == 1


def test_paper_asks_about_all(identify: Any) -> None:
    poem = row("Write a poem about snow.")
    (made,) = identify(ScriptedLLM().answering("Yes"), [poem], preset="paper", wording="base")
    assert made["is_classification"] is True
