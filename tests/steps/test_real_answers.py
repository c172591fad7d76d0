"""Answers of real models (`../shared/cases/real_completions`, `../shared/data/real_runs`), and what is made of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from distilabel_selfinstruct import DemoLLM, GenerateQueries
from distilabel_selfinstruct.data.rows import Answer
from distilabel_selfinstruct.presets import get_preset
from distilabel_selfinstruct.recipes.alpaca.steps import TaskLoop
from distilabel_selfinstruct.recipes.magpie.steps import MagpieLoop
from distilabel_selfinstruct.recipes.self_instruct.prompting import PROMPTS
from distilabel_selfinstruct.recipes.topics.steps import TopicLoop
from distilabel_selfinstruct.steps.answer import fault
from distilabel_selfinstruct.steps.loops.loop import Loop
from distilabel_selfinstruct.steps.loops.pool import PoolLoop
from tests.conftest import ROOT
from tests.steps.scripted_llm import seed
from tests.steps.test_pool import SEEDS

SHARED = ROOT.parent / "shared"
FRAME = PROMPTS.frame("bootstrap", "chat", {}, shots=[], classification_only=False, new=8)
PRESET = get_preset("default")
Rows = list[dict[str, Any]]


def case(name: str) -> Any:
    file = SHARED / "cases" / "real_completions" / f"{name}.json"
    if not file.is_file():
        pytest.skip(f"needs the completions of real models in {file.parent}")
    return json.loads(file.read_text(encoding="utf-8"))


def recorded(name: str, stage: str) -> list[dict[str, Any]]:
    file = SHARED / "data" / "real_runs" / f"{name}.jsonl"
    if not file.is_file():
        pytest.skip(f"needs the recorded runs of real models in {file.parent}")
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [row for row in rows if row["stage"] == stage]


def taken(loop: Loop, *completions: str, finish_reason: str = "stop") -> Rows:
    rows: Rows = []
    for completion in completions:
        loop.draw()
        rows += loop.take(Answer(completion, finish_reason))
    return rows


def bootstrap(*completions: str, **options: Any) -> list[tuple[str | None, str | None]]:
    loop = PoolLoop(SEEDS, PRESET, 100, seed=0, lag=1, patience=9, frame=FRAME, **options)
    return [(row["instruction"], row["reject_reason"]) for row in taken(loop, *completions)]


def test_a_story_is_one_reject() -> None:
    ((instruction, reason),) = bootstrap(case("chat_story_becomes_six_instructions")["completion"])
    assert (instruction, reason) == (None, "no_instructions")


def test_chatter_brings_no_instruction() -> None:
    for row in recorded("chat-default", "bootstrap"):
        if not any(sign in row["completion"] for sign in ("1.", "- ")):
            ((instruction, reason),) = bootstrap(row["completion"])
            assert (instruction, reason) in [(None, "no_instructions"), (None, "refusal")]


def test_a_second_list_that_brings_nothing_new_is_one_reject() -> None:
    rows = bootstrap(case("chat_prompt_leak_second_list")["completion"])
    assert [reason for _, reason in rows] == [
        "no_request", "chatter", None, None, None, None, None, None, "repetition",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        ("We are collecting instructions for a language model, as varied as we can get them", "copied_prompt"),
        ("Sure, here are some more instructions for you:", "chatter"),
        ("I'm sorry, but I can't help with that request.", "refusal"),
        ("No, please do not.", "refusal"),
        ("Das tut mir leid. Leider kann ich dabei nicht helfen.", None),  # of other languages only phrases are known
        ("Es tut mir leid, aber ich kann das nicht beantworten.", "refusal"),
        ("You are a customer who is paying a fee.", "no_request"),
        ("I'm sorry for being late. Write an apology to my boss.", None),
    ],
)
def test_what_is_written_in_the_place_of_an_instruction(candidate: str, reason: str | None) -> None:
    assert bootstrap(f"9. {candidate}\n10. Name a river in Germany.") == [
        (candidate, reason),
        ("Name a river in Germany.", None),
    ]


def test_a_part_of_a_seed_or_of_an_admitted_text_is_contained() -> None:
    long = "Plan a picnic for six people on a small budget, and tell each guest what to bring along in the morning."
    seeds = [
        seed(
            0,
            "Two retired astronauts are about to open a small café at the seaside, and know no name for it. Dream up"
            " five playful names for the sign above the door.",
        )
    ]
    loop = PoolLoop(seeds, PRESET, 100, seed=0, lag=1, patience=9)
    rows = taken(
        loop,
        f"9. Dream up five playful names for the sign.\n10. {long}\n11. Tell each guest what to bring along."
        "\n12. Plan a picnic.",
    )
    assert [row["reject_reason"] for row in rows] == ["contained", None, "contained", "too_short"]
    assert [row["neighbour"] for row in rows[:3]] == [seeds[0].instruction, None, long]


def test_a_base_model_that_goes_on_with_a_number_lists_one_instruction() -> None:
    assert bootstrap(" Name a river in Germany.", continues_list=True) == [("Name a river in Germany.", None)]
    assert bootstrap("Name a river in Germany.") == [(None, "no_instructions")]


def test_a_user_may_begin_with_a_heading_or_with_code() -> None:
    loop = MagpieLoop(PRESET, 10, lag=1, patience=9)
    good = case("magpie_good_rejected_punctuation")["completion"]
    rows = taken(loop, good, "```python\nprint(1)\n```\nWhat does this program print?", "The cat sat on the old mat.")
    assert [row["reject_reason"] for row in rows] == [None, None, "no_request"]


def test_users_of_a_real_model_rarely_ask() -> None:
    loop = MagpieLoop(PRESET, 100, lag=1, patience=99)
    turns = recorded("magpie", "magpie")
    rows = [row for turn in turns for row in taken(loop, turn["completion"], finish_reason=turn["finish_reason"])]
    (only,) = [row["instruction"] for row in rows if row["reject_reason"] is None]
    assert "Create a Python function" in only


def test_topics_have_six_words_and_are_not_the_prompts() -> None:
    loop = TopicLoop(PRESET, 10, seed=0, lag=1, patience=9)
    rows = taken(
        loop, "1. The art of sewing\n2. What people might want to know about\n3. The value of a good night's rest"
    )
    assert [row["reject_reason"] for row in rows] == [None, "copied_prompt", "too_long"]


def test_topics_of_a_real_model() -> None:
    loop = TopicLoop(PRESET, 100, seed=0, lag=1, patience=99)
    rows = [
        row
        for answer in recorded("topics", "topics")
        for row in taken(loop, answer["completion"], finish_reason=answer["finish_reason"])
    ]
    admitted = [row["topic"] for row in rows if row["reject_reason"] is None]
    assert admitted == ["The value of transparency", "The beauty of craft and hobby", "The art of sewing"]


def test_tasks_whose_answer_refuses_are_rejects() -> None:
    loop = TaskLoop(SEEDS, get_preset("alpaca"), 10, seed=0, lag=1, patience=9)
    rows = taken(
        loop,
        "4. Instruction: Name a river in Germany.\n4. Input:\n<noinput>\n4. Output:\nI'm sorry, but I can't help with"
        " that.\n###\n5. Instruction: The river is long and deep.\n5. Input:\n<noinput>\n5. Output:\nYes.\n###\n",
    )
    assert [row["reject_reason"] for row in rows] == ["refusal", "no_request"]


def queries(completion: str) -> list[tuple[str, str | None]]:
    step = GenerateQueries(llm=DemoLLM(), num_instructions=3)
    step.load()
    row = {"document_id": "0", "document": "A chain.", "reject_reason": None}
    step._take(row, Answer(completion))
    return row["queries"]


def test_queries_of_a_real_model_ask_or_order() -> None:
    assert queries(case("domain_query_8")["completion"]) == [
        ("Use a thin oil to clean and clean the bike.", None),
        ("Use a thin oil to remove dirt from the bike.", None),
        ("Use a thin oil to clean the bike.", None),
        ("Use a thin oil to clean the bike.", "repetition"),
    ]
    assert {reason for _, reason in queries(case("domain_query_69")["completion"])} == {"no_request"}
    assert None not in {reason for _, reason in queries(case("domain_query_27")["completion"])}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("The answer to your query is: Name a river in Germany.", "repeats_question"),
        ("Name a river in Germany.\n\nName a river in Germany.", "repeats_question"),
        ("Name a river in Germany: the Rhine.", None),
        ("The Rhine.", None),
        ("I'm ready to assist you with any question or task. What can I help you with today?", "greeting"),
        ("您好！请问有什么可以帮您的吗？", "greeting"),
        ("Desculpe, no puedo.", None),
    ],
)
def test_an_answer_that_answers_nothing(answer: str, reason: str | None) -> None:
    assert fault(answer, None, "Name a river in Germany.") == reason


def test_a_text_that_is_corrected_is_no_repetition_of_the_question() -> None:
    text = "My brother and me goes to the market every morning to buy bread, milk and eggs."
    assert fault(text.replace("me goes", "I go"), None, f"Correct the sentence.\n\n{text}") is None
    assert fault("banana", None, "Which word is longer, apple or banana") is None
