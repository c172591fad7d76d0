"""The demo model as a judge, as a model that is asked several times, and as a user."""

from __future__ import annotations

import json
from typing import Any

import pytest

from distilabel_selfinstruct import DemoLLM, check_instruction, load_seed_tasks
from distilabel_selfinstruct.demo.plain import solve
from distilabel_selfinstruct.presets import Wording
from distilabel_selfinstruct.steps.judge import PROMPTS
from distilabel_selfinstruct.text.reading.scores import parse_score

TASK = "Spell the word backwards.\n\nlamp"
USER = "<|im_start|>user\n"


def said(prompt: Any, number: int = 1, noise: float = 1.0, seed: int = 0) -> list[tuple[str, str]]:
    """The texts of so many answers, and why each ended."""
    output: Any = DemoLLM(seed=seed, noise=noise).generate([prompt], num_generations=number)[0]
    return list(zip(output["generations"], output["finish_reason"]))


def judgement(output: str, wording: Wording = "chat") -> Any:
    return PROMPTS.render(
        "judgement", wording, instruction="Spell the word backwards.", input="lamp", output=output, document=""
    )


class TestJudge:
    @pytest.mark.parametrize("wording", ["chat", "structured"])
    def test_a_score_in_the_form_asked_for(self, wording: Wording) -> None:
        ((text, _),) = said(judgement("pmal", wording), noise=0)
        assert parse_score(text) == 5
        if wording == "structured":
            assert list(json.loads(text)) == ["justification", "score"]

    def test_its_judgements_of_one_answer_differ_and_some_are_unclear(self) -> None:
        scores = [parse_score(text) for text, _ in said(judgement("pmal"), 40)]
        assert set(scores) == {5, 4, None}
        assert scores.count(5) > 20

    def test_it_knows_what_evolved_instructions_ask_for(self) -> None:
        evolved = "lamp\n\nGive the answer twice, once on a first line and once more on a line below."
        for output, score in (("pmal\npmal", 5), ("pmal", 2), ("lamp", 1)):
            prompt = PROMPTS.render(
                "judgement", "chat", instruction="Spell the word backwards.", input=evolved, output=output, document=""
            )
            assert parse_score(said(prompt, noise=0)[0][0]) == score

    def test_of_what_it_does_not_know_it_says_so(self) -> None:
        prompt = PROMPTS.render(
            "judgement", "chat", instruction="Who will win?", input="", output="Nobody.", document=""
        )
        assert said(prompt, noise=0)[0][0] == "It looks useful, but I cannot tell whether it is right.\nScore: 3"


class TestAskedSeveralTimes:
    def test_the_first_answer_is_that_of_a_model_asked_once(self) -> None:
        assert said(TASK, 5)[0] == said(TASK)[0]

    def test_further_ones_are_said_differently_worse_or_wrong(self) -> None:
        texts = {text for text, _ in said(TASK, 60)}
        assert {"pmal", "Answer: pmal", "pm"} <= texts
        assert any(text.startswith("Sure, ") and text.endswith("pmal") for text in texts)
        assert "The answer is 41." in texts

    def test_without_noise_all_are_right(self) -> None:
        assert set(said(TASK, 20, noise=0)) == {("pmal", "stop")}


def test_it_knows_the_answers_to_the_seed_tasks(seed_file: str) -> None:
    task = load_seed_tasks(seed_file)[0]
    request = f"{task.instruction}\n\n{task.instances[0].input}".strip()
    assert said(request, noise=0) == [(task.instances[0].output, "stop")]


def test_what_is_no_input_of_a_task_has_no_right_answer() -> None:
    assert solve("Would a mathematician call the given value a prime number?\n\n126\n\nAnswer in rhymes.") is None


class TestUser:
    def test_an_instruction_with_all_that_its_answer_needs(self) -> None:
        texts = [text for text, _ in said(USER, 30, noise=0)]
        assert all(solve(text) is not None for text in texts)
        assert all(check_instruction(text) is None for text in texts)
        assert len(set(texts)) > 25

    def test_some_are_cut_empty_or_break_a_rule(self) -> None:
        answers = said(USER, 200)
        assert {reason for _, reason in answers} == {"stop", "length"}
        assert {check_instruction(text) for text, _ in answers} >= {None, "too_short", "too_long", "program"}
