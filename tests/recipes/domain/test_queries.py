"""Queries about documents, without a pipeline."""

from __future__ import annotations

from typing import Any

import pytest
from distilabel.steps.tasks import SelfInstruct

from distilabel_selfinstruct import GenerateQueries
from tests.steps.scripted_llm import ScriptedLLM, text_of

DOCUMENT = {"document_id": "000007", "title": "Skin", "document": "The skin is an organ. It has layers."}
QUERIES = ["What is the largest organ of the body?", "Describe the layers of the skin.", "Explain how skin heals."]


def asked(answer: Any, *rows: dict[str, Any], **options: Any) -> tuple[list[dict[str, Any]], ScriptedLLM]:
    llm = answer if isinstance(answer, ScriptedLLM) else ScriptedLLM().answering(answer)
    queries = GenerateQueries(llm=llm, **options)
    queries.load()
    return next(queries.process(list(rows or [DOCUMENT]))), llm


def outcomes(rows: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [(row["instruction"], row["reject_reason"]) for row in rows]


class TestPrompt:
    @pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # distilabel's
    def test_it_is_distilabels(self) -> None:
        own = SelfInstruct(
            llm=ScriptedLLM(), num_instructions=3, application_description="a clinic", criteria_for_query_generation="C"
        )
        own.load()
        _, llm = asked(
            "", num_instructions=3, application_description="a clinic", criteria_for_query_generation="C"
        )  # fmt: skip
        context = "Skin\n\nThe skin is an organ. It has layers."
        assert llm._asked == [own.format_input({"input": context})]

    def test_a_document_without_a_title(self) -> None:
        _, llm = asked("", DOCUMENT | {"title": None})
        assert "# Context\nThe skin is an organ. It has layers.\n\n# Output" in text_of(llm._asked[0])

    def test_each_document_gets_one_of_the_principles(self) -> None:
        principles = ["Ask as a patient.", "Ask as a nurse."]
        documents = [DOCUMENT | {"document_id": f"{number:06d}"} for number in range(20)]
        _, llm = asked("", *documents, principles=principles, criteria_for_query_generation="Be brief.")
        drawn = [[each for each in principles if f"Be brief.\n{each}\n" in text_of(text)] for text in llm._asked]
        assert {each[0] for each in drawn} == set(principles)
        assert {len(each) for each in drawn} == {1}
        _, again = asked("", *reversed(documents), principles=principles, criteria_for_query_generation="Be brief.")
        assert again._asked == llm._asked[::-1]

    def test_decoding_parameters_of_the_preset(self) -> None:
        _, llm = asked("")
        assert llm._parameters == [{"temperature": 1.0, "top_p": 0.95, "max_new_tokens": 1024, "stop": None}]


class TestAnswers:
    @pytest.mark.parametrize(
        "form",
        [
            "{}\n{}\n{}",
            "1. {}\n2. {}\n3. {}",
            "- {}\n- {}\n- {}",
            "Sure! Here are 3 user queries:\n\n1. **{}**\n2. **{}**\n3. **{}**\n\nLet me know if you need more!",
            "Here are the queries:\n{}\n{}\n{}",
            '["{}", "{}", "{}"]',
            "{}\n\n{}\n\n{}",
            "1) {}\r\n2) {}\r\n3) {}",
        ],
    )
    def test_the_formats_of_chat_models(self, form: str) -> None:
        rows, _ = asked(form.format(*QUERIES))
        assert outcomes(rows) == [(query, None) for query in QUERIES]

    def test_a_row_a_query_that_keeps_its_document(self) -> None:
        rows, _ = asked("\n".join(QUERIES))
        assert [row["instruction_id"] for row in rows] == ["000007-00", "000007-01", "000007-02"]
        assert all(DOCUMENT.items() <= row.items() for row in rows)
        assert set(rows[0]) == {
            *DOCUMENT, "instruction_id", "instruction", "stage", "reject_reason", "detail", "finish_reason",
            "input_tokens", "output_tokens", "reasoning", "model_name", "instruction_model",
        }  # fmt: skip

    def test_rules_and_the_limit(self) -> None:
        program = "Write a program about the skin."
        rows, _ = asked("\n".join(["Explain it.", program, *QUERIES]), num_instructions=2)
        assert outcomes(rows) == [
            ("Explain it.", "too_short"), (program, "program"),
            (QUERIES[0], None), (QUERIES[1], None), (QUERIES[2], "over_limit"),
        ]  # fmt: skip
        assert {row["stage"] for row in rows if row["reject_reason"]} == {"queries"}

    @pytest.mark.parametrize(
        "statement",
        ["Sourdough, a mixture of flour and water", "The library is open from ten to six.", "Flour and water mix"],
    )
    def test_a_query_asks_or_orders_something(self, statement: str) -> None:
        rows, _ = asked(f"{statement}\n{QUERIES[0]}")
        assert outcomes(rows) == [(statement, "no_request"), (QUERIES[0], None)]

    @pytest.mark.parametrize(
        "query",
        [
            "When is a graph called planar?",
            "Which form does the music of a sonata have?",
            "What does the image show when a bone is broken?",
            "How is a genetic map made?",
        ],
    )
    def test_a_document_may_be_about_anything(self, query: str) -> None:
        rows, _ = asked(query)
        assert outcomes(rows) == [(query, None)]

    def test_what_the_length_cut_off(self) -> None:
        class Cut(ScriptedLLM):
            def generate(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
                return [output | {"finish_reason": ["length"]} for output in super().generate(*args, **kwargs)]

        rows, _ = asked(Cut().answering("\n".join([*QUERIES, "Explain why the"])))
        assert outcomes(rows)[-1] == ("Explain why the", "truncated")
        assert outcomes(rows)[:-1] == [(query, None) for query in QUERIES]

    @pytest.mark.parametrize(
        ("answer", "reason"), [("", "no_instructions"), ("I'm sorry, but I can't help with that.", "refusal")]
    )
    def test_none(self, answer: str, reason: str) -> None:
        ((row,), _) = asked(answer)
        assert (row["instruction"], row["stage"], row["reject_reason"]) == (None, "queries", reason)
        assert (row["detail"], row["document"]) == (answer, DOCUMENT["document"])

    def test_no_completion(self) -> None:
        ((row,), _) = asked(lambda prompt: None)
        assert (row["instruction"], row["reject_reason"]) == (None, "no_completion")

    def test_a_rejected_document_is_passed_on(self) -> None:
        empty = {"document_id": "000001", "document": None, "stage": "queries", "reject_reason": "empty_document"}
        ((row,), llm) = asked("", empty)
        assert empty.items() <= row.items()
        assert llm._asked == []


def test_a_query_that_tells_what_the_document_says() -> None:
    document = DOCUMENT | {"document": "Use a thin oil and wipe off what is left over, because dirt sticks to it."}
    told, asking = "Use a thin oil to clean the bike.", "When should I use a thin oil?"
    rows, _ = asked(f"{told}\n{asking}", document)
    assert outcomes(rows) == [(told, "copied_prompt"), (asking, None)]
