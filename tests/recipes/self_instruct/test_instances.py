"""OutputFirstInstances and InputFirstInstances without a pipeline."""

from __future__ import annotations

import re
from typing import Any

import pytest

from distilabel_selfinstruct import InputFirstInstances, OutputFirstInstances
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
from distilabel_selfinstruct.presets import get_preset
from distilabel_selfinstruct.steps.asking import decoding_kwargs
from distilabel_selfinstruct.text.reading.answers import parse_instances
from tests.steps.scripted_llm import ScriptedLLM, text_of

LABELLED = "Class label 1: Positive\nThe soup was wonderful.\nClass label 2: Negative\nWe waited for two hours."
EXAMPLES = "Example 1\nInput: 3, 1, 2\nOutput: 1, 2, 3\nExample 2\nInput: 9, 8\nOutput: 8, 9"


def row(is_classification: bool | None, **known: Any) -> dict[str, Any]:
    return {
        "instruction_id": "000000-00", "instruction": "Do as told.", "is_classification": is_classification,
        "reject_reason": None, **known,
    }  # fmt: skip


@pytest.fixture
def ask(seed_file: str) -> Any:
    def run(kind: Any, answer: Any, rows: list[dict[str, Any]], **options: Any) -> tuple[list[dict[str, Any]], Any]:
        llm = answer if isinstance(answer, ScriptedLLM) else ScriptedLLM().answering(answer)
        task = kind(llm=llm, seed_files=[seed_file], **options)
        task.load()
        return next(task.process(rows)), llm

    return run


def listed(*pairs: tuple[str, str], reason: str | None = None) -> list[dict[str, Any]]:
    return [{"input": given, "output": output, "reject_reason": reason} for given, output in pairs]


class TestWhichRows:
    @pytest.mark.parametrize(("kind", "own"), [(OutputFirstInstances, True), (InputFirstInstances, False)])
    def test_each_task_asks_about_its_own_kind_only(self, ask: Any, kind: Any, own: bool) -> None:
        rows = [row(True), row(False), row(None, reject_reason="unclear_classification", stage="classification")]
        made, llm = ask(kind, LABELLED if own else EXAMPLES, rows)
        assert len(llm._asked) == 1
        assert [bool(each["instances"]) for each in made] == [own, not own, False]
        assert [each["is_classification"] for each in made] == [True, False, None]

    def test_the_others_are_passed_on_untouched(self, ask: Any) -> None:
        rejected = row(None, reject_reason="similar", stage="bootstrap", detail=None, model_name="m", input_tokens=4)
        done = row(True, instances=listed(("a", "b")), stage=None, detail=None, model_name="m", finish_reason="length")
        made, llm = ask(InputFirstInstances, EXAMPLES, [rejected, done])
        assert made == [rejected | {"instances": None, "instruction_model": "m"}, done | {"instruction_model": "m"}]
        assert llm._asked == []

    def test_all_columns_of_an_answered_row(self, ask: Any) -> None:
        ((made,), _) = ask(OutputFirstInstances, LABELLED, [row(True)])
        assert made == {
            "instruction_id": "000000-00", "instruction": "Do as told.", "is_classification": True,
            "instances": listed(("The soup was wonderful.", "Positive"), ("We waited for two hours.", "Negative")),
            "stage": None, "reject_reason": None, "detail": None, "finish_reason": "stop", "input_tokens": 7,
            "output_tokens": 3, "reasoning": None, "model_name": "scripted", "instruction_model": None,
        }  # fmt: skip


class TestAnswers:
    def test_examples(self, ask: Any) -> None:
        ((made,), _) = ask(InputFirstInstances, EXAMPLES, [row(False)])
        assert made["instances"] == listed(("3, 1, 2", "1, 2, 3"), ("9, 8", "8, 9"))

    def test_an_output_alone(self, ask: Any) -> None:
        ((made,), _) = ask(InputFirstInstances, "Output: Lima", [row(False)])
        assert made["instances"] == listed(("", "Lima"))

    def test_the_instance_that_the_length_cut_off_is_marked(self, ask: Any) -> None:
        class Cut(ScriptedLLM):
            def generate(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
                return [output | {"finish_reason": ["length"]} for output in super().generate(*args, **kwargs)]

        ((made,), _) = ask(InputFirstInstances, Cut().answering(EXAMPLES), [row(False)])
        assert made["instances"] == listed(("3, 1, 2", "1, 2, 3")) + listed(("9, 8", "8, 9"), reason="truncated")
        assert made["finish_reason"] == "length"
        assert made["reject_reason"] is None

    @pytest.mark.parametrize("answer", ["I need more context for this.", ""])
    def test_an_answer_without_instances_rejects_the_row(self, ask: Any, answer: str) -> None:
        ((made,), _) = ask(InputFirstInstances, answer, [row(False)])
        assert made["instances"] is None
        assert (made["stage"], made["reject_reason"], made["detail"]) == ("instances", "no_instances", answer)

    def test_only_the_beginning_of_a_long_answer_is_kept(self, ask: Any) -> None:
        ((made,), _) = ask(OutputFirstInstances, "word " * 500, [row(True)])
        assert made["detail"] == ("word " * 60) + "..."

    def test_no_completion(self, ask: Any) -> None:
        ((made,), _) = ask(OutputFirstInstances, lambda prompt: None, [row(True)])
        assert (made["stage"], made["reject_reason"]) == ("instances", "no_completion")

    def test_a_model_that_goes_on_with_another_task_is_cut_by_us(self, ask: Any) -> None:
        going_on = f"{EXAMPLES}\n\nTask: Name a river.\nOutput: Danube"
        ((made,), _) = ask(InputFirstInstances, going_on, [row(False)], preset="paper", wording="base")
        assert made["instances"] == listed(("3, 1, 2", "1, 2, 3"), ("9, 8", "8, 9"))

    def test_an_answer_about_another_task_rejects_the_row(self, ask: Any) -> None:
        other = f"Task: Name the longest river of Italy.\n{EXAMPLES}"
        ((made,), _) = ask(InputFirstInstances, other, [row(False)])
        assert made["instances"] is None
        assert (made["stage"], made["reject_reason"], made["detail"]) == ("instances", "other_task", other)

    def test_of_a_loop_one_row_tells(self, ask: Any) -> None:
        again = "\n".join([EXAMPLES] * 20)
        ((made,), _) = ask(InputFirstInstances, again, [row(False)])
        assert made["instances"] == [
            *listed(("3, 1, 2", "1, 2, 3"), ("9, 8", "8, 9")),
            *listed(("3, 1, 2", "1, 2, 3"), reason="repetition"),
        ]

    @pytest.mark.parametrize(
        ("label", "reason"), [("Numbers", "echoed_label"), ("class label", "no_label"), ("ascending", None)]
    )
    def test_a_label_that_tells_nothing_apart(self, ask: Any, label: str, reason: str | None) -> None:
        answer = f"Class label: {label}\nInput: 3 1 2\nClass label: {label}\nInput: 1 2 3"
        ((made,), _) = ask(OutputFirstInstances, answer, [row(True, instruction="Put the numbers in order.")])
        assert made["instances"] == listed(("3 1 2", label), ("1 2 3", label), reason=reason)

    @pytest.mark.parametrize("again", ["", "Class label 1:", "\nClass label 1:"])
    def test_a_base_model_goes_on_from_the_first_label(self, ask: Any, again: str) -> None:
        answer = f"{again} Positive\nLovely soup.\nClass label 2: Negative\nA long wait.\n"
        ((made,), _) = ask(OutputFirstInstances, answer, [row(True)], wording="base")
        assert made["instances"] == listed(("Lovely soup.", "Positive"), ("A long wait.", "Negative"))
        own = {"output_first.base.jinja2": "Task: {{ instruction }}\n"}
        ((made,), _) = ask(OutputFirstInstances, answer, [row(True)], wording="base", own_templates=own)
        assert (made["instances"] == listed(("A long wait.", "Negative"))) is (again == "")
        own = {"output_first.base.jinja2": "{{ instruction }}: {% if numbered %}Class label 1:{% endif %}"}
        ((made,), _) = ask(OutputFirstInstances, answer, [row(True)], wording="base", own_templates=own)
        assert len(made["instances"]) == 2
        ((nothing,), _) = ask(OutputFirstInstances, "\n", [row(True)], wording="base")
        assert nothing["reject_reason"] == "no_instances"

    def test_the_paper_keeps_each_round_of_a_loop(self, ask: Any) -> None:
        again = "\n".join([EXAMPLES] * 3)
        ((made,), _) = ask(InputFirstInstances, again, [row(False)], preset="paper")
        assert len(made["instances"]) == 6

    def test_json(self, ask: Any) -> None:
        answer = '{"instances": [{"output": "Positive", "input": "Lovely."}, {"output": "Negative", "input": ""}]}'
        ((made,), _) = ask(OutputFirstInstances, answer, [row(True)], wording="structured")
        assert made["instances"] == listed(("Lovely.", "Positive"), ("", "Negative"))


class TestPrompts:
    @pytest.mark.parametrize(
        ("kind", "own", "preset", "shots", "mark"),
        [
            (OutputFirstInstances, True, "paper", 16, "Class label: "),
            (OutputFirstInstances, True, "default", 4, "Class label 1: "),
            (OutputFirstInstances, True, "alpaca", 16, "Class label 1: "),
            (InputFirstInstances, False, "paper", 11, "Output: "),
            (InputFirstInstances, False, "default", 6, "Output: "),
        ],
    )
    def test_shots(self, ask: Any, kind: Any, own: bool, preset: str, shots: int, mark: str) -> None:
        other = row(own, instruction="Something else.")
        _, llm = ask(kind, LABELLED, [row(own), other], wording="base", preset=preset)
        first, second = map(text_of, llm._asked)
        assert first.count("\nTask: ") == shots + 1
        assert first.count(f"\n{mark}") >= shots
        begun = "Class label 1:" if mark == "Class label 1: " else ""
        assert first.endswith(f"\n\nTask: Do as told.\n{begun}")
        assert second == first.replace("Do as told.", "Something else.")  # the same shots for the whole run

    @pytest.mark.parametrize("wording", ["base", "chat", "structured"])
    @pytest.mark.parametrize(("kind", "own"), [(OutputFirstInstances, True), (InputFirstInstances, False)])
    def test_wordings(self, ask: Any, kind: Any, own: bool, wording: str) -> None:
        _, llm = ask(kind, "", [row(own)], wording=wording)
        assert isinstance(llm._asked[0], {"base": str, "chat": list, "structured": tuple}[wording])
        begun = "Class label 1:" if own and wording == "base" else ""
        assert text_of(llm._asked[0]).rstrip().removesuffix(begun).rstrip().endswith("Task: Do as told.")
        assert ("with up to 5 " in text_of(llm._asked[0])) is (wording != "base")

    @pytest.mark.parametrize(
        ("preset", "wording", "sent"),
        [
            ("default", "base", {"stop": ["\nTask:", "\nExample 6", "\nClass label 6"]}),
            ("default", "chat", {"chat_stop": ["\nTask:", "\nExample 6", "\nClass label 6"]}),
            ("default", "structured", {}),
            ("paper", "base", {"stop": ["Example 6", "Task:"]}),
            ("paper", "chat", {}),
        ],
    )
    def test_an_endpoint_is_told_where_an_answer_ends(self, preset: str, wording: Any, sent: Any) -> None:
        llm = OpenAICompatibleLLM(model="m")
        for question in (get_preset(preset).output_first, get_preset(preset).input_first):
            given = decoding_kwargs(llm, question, wording)
            assert {name: given[name] for name in ("stop", "chat_stop") if name in given} == sent

    @pytest.mark.parametrize("wording", ["base", "chat", "structured"])
    def test_an_endpoint_is_told_what_comes_to_nothing(self, wording: Any) -> None:
        given = decoding_kwargs(OpenAICompatibleLLM(model="m"), get_preset("default").input_first, wording)
        assert given["end_early"]
        assert ("chat_form" in given) is (wording == "chat")

    @pytest.mark.parametrize(
        "completion",
        [
            "Example 1\nInput: 3, 1\nOutput: 1, 3",
            "**Example #1**\nSort them: 1, 3",
            "output : 1, 3",
            "**Output:**\n1, 3",
            "Here they are, the smallest first.\n\n### Example 1\n**Input:** 3, 1\n**Output:** 1, 3",
            "Class label 1: even\n4",
            "- Label: even",
            "Output：1, 3",
            "__Output1__: 1, 3",
            '[{"input": "3, 1", "output": "1, 3"}]',
        ],
    )
    def test_the_form_of_an_answer_has_begun(self, completion: str) -> None:
        assert re.search(get_preset("default").input_first.chat_form or "", completion)
        assert any(parse_instances(completion, own) for own in (True, False))

    @pytest.mark.parametrize(
        "completion",
        ["Once there was a king.", "For example, three inputs and outputs", "1\n2\n3"],
    )
    def test_and_that_of_others_has_not(self, completion: str) -> None:
        assert not re.search(get_preset("default").input_first.chat_form or "", completion)
        assert not any(parse_instances(completion, own) for own in (True, False))

    @pytest.mark.parametrize(
        ("kind", "own", "length"), [(OutputFirstInstances, True, 300), (InputFirstInstances, False, 350)]
    )
    def test_decoding_parameters_of_the_paper(self, ask: Any, kind: Any, own: bool, length: int) -> None:
        _, llm = ask(kind, "", [row(own)], wording="base", preset="paper")
        assert llm._parameters == [
            {"temperature": 0.0, "top_p": 0.0, "max_new_tokens": length, "stop": ["Example 6", "Task:"]}
        ]
