"""Generations of Evol-Instruct, without a pipeline."""

from __future__ import annotations

from typing import Any

import pytest
from distilabel.steps.tasks.evol_instruct.utils import MUTATION_TEMPLATES

from distilabel_selfinstruct import AnswerEvolutions, EvolveInstructions, JudgeEvolutions
from tests.steps.scripted_llm import ScriptedLLM, text_of

OCEAN = {"instruction_id": "000004", "instruction": "Name the largest ocean."}
EVOLVED = "Name the largest ocean, and say how deep it is."
TWICE = "Name the largest ocean, say how deep it is, and who measured that."


def run(kind: Any, answer: Any, *rows: dict[str, Any], **options: Any) -> tuple[list[dict[str, Any]], ScriptedLLM]:
    llm = answer if isinstance(answer, ScriptedLLM) else ScriptedLLM().answering(answer)
    task = kind(llm=llm, **options)
    task.load()
    return next(task.process(list(rows))), llm


def evolve(answer: Any, *rows: dict[str, Any], generation: int = 1, **options: Any) -> Any:
    return run(EvolveInstructions, answer, *rows, generation=generation, **options)


def known(row: dict[str, Any]) -> dict[str, Any]:
    names = ("instruction_id", "instruction", "generation", "parent_id", "parent", "stage", "reject_reason")
    return {name: row[name] for name in names}


def failed(reason: str, instruction: str | None = "Please name the largest ocean.") -> dict[str, Any]:
    """An evolution of the first generation that was rejected."""
    return {
        "instruction_id": "000004-1", "instruction": instruction, "generation": 1, "parent_id": "000004",
        "parent": OCEAN["instruction"], "evolution": "DEEPENING", "stage": "evolution", "reject_reason": reason,
    }  # fmt: skip


class TestLineages:
    def test_the_first_generation_stands_in_the_place_of_its_original(self) -> None:
        ((row,), _) = evolve(EVOLVED, OCEAN)
        assert known(row) == {
            "instruction_id": "000004-1", "instruction": EVOLVED, "generation": 1, "parent_id": "000004",
            "parent": "Name the largest ocean.", "stage": None, "reject_reason": None,
        }  # fmt: skip

    def test_a_later_one_adds_a_row_after_its_parent(self) -> None:
        first, _ = evolve(EVOLVED, OCEAN)
        (parent, child), llm = evolve(TWICE, *first, generation=2)
        assert parent == first[0]
        assert known(child) == {
            "instruction_id": "000004-2", "instruction": TWICE, "generation": 2, "parent_id": "000004-1",
            "parent": EVOLVED, "stage": None, "reject_reason": None,
        }  # fmt: skip
        assert len(llm._asked) == 1

    def test_only_the_newest_row_of_a_lineage_is_evolved(self) -> None:
        first, _ = evolve(EVOLVED, OCEAN)
        second, _ = evolve(TWICE, *first, generation=2)
        third, llm = evolve("Name an ocean and draw no map of it.", *second, generation=3)
        assert [row["instruction_id"] for row in third] == ["000004-1", "000004-2", "000004-3"]
        assert (third[2]["parent_id"], len(llm._asked)) == ("000004-2", 1)

    @pytest.mark.parametrize("reason", ["no_gain", "copied_prompt", "refusal", "truncated", "unclear_gain"])
    def test_where_an_evolution_fails_the_instruction_before_it_is_evolved_again(self, reason: str) -> None:
        (parent, child), llm = evolve(EVOLVED, failed(reason), generation=2)
        assert known(parent) == known(failed(reason))
        assert known(child) == {
            "instruction_id": "000004-2", "instruction": EVOLVED, "generation": 2, "parent_id": "000004",
            "parent": "Name the largest ocean.", "stage": None, "reject_reason": None,
        }  # fmt: skip
        assert "\nName the largest ocean.\n" in text_of(llm._asked[0])

    def test_two_failures_in_a_row(self) -> None:
        second, _ = evolve("", failed("no_instructions", None), generation=2)
        third, _ = evolve(EVOLVED, *second, generation=3)
        assert [row["reject_reason"] for row in third] == ["no_instructions", "no_instructions", None]
        assert (third[2]["parent_id"], third[2]["parent"]) == ("000004", "Name the largest ocean.")

    def test_a_lineage_ends_where_a_request_failed(self) -> None:
        rows, llm = evolve(EVOLVED, failed("timeout", None), generation=2)
        assert [row["instruction_id"] for row in rows] == ["000004-1"]
        assert llm._asked == []

    def test_a_rejected_original_is_passed_on(self) -> None:
        ((row,), llm) = evolve(EVOLVED, OCEAN | {"stage": "dedup", "reject_reason": "similar"})
        assert (row["instruction_id"], row["reject_reason"], llm._asked) == ("000004", "similar", [])


class TestEvolutions:
    def test_the_prompts_are_distilabels(self) -> None:
        ((row,), llm) = evolve(EVOLVED, OCEAN)
        assert text_of(llm._asked[0]) == MUTATION_TEMPLATES[row["evolution"]].replace("<PROMPT>", OCEAN["instruction"])

    def test_which_one_depends_on_seed_and_row_alone(self) -> None:
        rows = [OCEAN | {"instruction_id": f"{number:06d}"} for number in range(40)]
        drawn = {row["instruction_id"]: row["evolution"] for row in evolve(EVOLVED, *rows, seed=3)[0]}
        again = {row["instruction_id"]: row["evolution"] for row in evolve(EVOLVED, *reversed(rows), seed=3)[0]}
        other = {row["instruction_id"]: row["evolution"] for row in evolve(EVOLVED, *rows, seed=4)[0]}
        assert again == drawn != other
        assert set(drawn.values()) == set(MUTATION_TEMPLATES)

    def test_the_one_that_has_just_failed_is_not_drawn_again(self) -> None:
        rows = [failed("no_gain") | {"instruction_id": f"{number:06d}-1"} for number in range(40)]
        children = [row for row in evolve(EVOLVED, *rows, generation=2)[0] if row["generation"] == 2]
        assert {row["evolution"] for row in children} == set(MUTATION_TEMPLATES) - {"DEEPENING"}

    def test_decoding_parameters_of_the_paper(self) -> None:
        _, llm = evolve(EVOLVED, OCEAN)
        assert llm._parameters == [{"temperature": 1.0, "top_p": 0.9, "max_new_tokens": 2048, "stop": None}]

    @pytest.mark.parametrize(
        ("completion", "instruction", "reason"),
        [
            (f"#Rewritten Prompt#:\n{EVOLVED}", EVOLVED, None),
            ("", None, "no_instructions"),
            ("I'm sorry, but I can't rewrite this.", "I'm sorry, but I can't rewrite this.", "refusal"),
            ("Answer the given prompt.", "Answer the given prompt.", "copied_prompt"),
            ("name the largest ocean.", "name the largest ocean.", "no_gain"),
        ],
    )
    def test_what_fails_at_once(self, completion: str, instruction: str | None, reason: str | None) -> None:
        ((row,), _) = evolve(completion, OCEAN)
        assert (row["instruction"], row["reject_reason"]) == (instruction, reason)
        assert row["stage"] == ("evolution" if reason else None)

    def test_what_the_length_cut_off(self) -> None:
        class Cut(ScriptedLLM):
            def generate(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
                return [output | {"finish_reason": ["length"]} for output in super().generate(*args, **kwargs)]

        ((row,), _) = evolve(Cut().answering(EVOLVED), OCEAN)
        assert (row["instruction"], row["reject_reason"]) == (EVOLVED, "truncated")

    def test_no_completion(self) -> None:
        ((row,), _) = evolve(lambda prompt: None, OCEAN)
        assert (row["instruction"], row["stage"], row["reject_reason"]) == (None, "evolution", "no_completion")


class TestJudgements:
    def judged(self, answer: Any, *rows: dict[str, Any], generation: int = 1) -> Any:
        return run(JudgeEvolutions, answer, *rows, generation=generation)

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            ("Yes", None),
            ("**Yes.**", None),
            ("No", "no_gain"),
            ("No, both ask for the same.", "no_gain"),
            ("<think>Yes or no?</think>No", "no_gain"),
            ("It depends", "unclear_gain"),
            ("", "unclear_gain"),
        ],
    )
    def test_verdicts(self, answer: str, reason: str | None) -> None:
        first, _ = evolve(EVOLVED, OCEAN)
        ((row,), _) = self.judged(answer, *first)
        assert (row["reject_reason"], row["stage"]) == (reason, "evolution" if reason else None)

    def test_both_texts_are_shown(self) -> None:
        first, _ = evolve(EVOLVED, OCEAN)
        _, llm = self.judged("Yes", *first)
        shown = f"First instruction:\nName the largest ocean.\n\nSecond instruction:\n{EVOLVED}\n\nDoes "
        assert shown in text_of(llm._asked[0])

    def test_only_survivors_of_its_own_generation_are_judged(self) -> None:
        first, _ = evolve(EVOLVED, OCEAN)
        second, _ = evolve(TWICE, *first, failed("no_gain"), generation=2)
        rows, llm = self.judged("No", *second, generation=2)
        assert [row["reject_reason"] for row in rows] == [None, "no_gain", "no_gain", "no_gain"]
        assert len(llm._asked) == 2

    def test_no_completion(self) -> None:
        first, _ = evolve(EVOLVED, OCEAN)
        ((row,), _) = self.judged(lambda prompt: None, *first)
        assert (row["stage"], row["reject_reason"]) == ("evolution", "no_completion")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("The Pacific; its deepest point lies 11 km down.", None),
        ("Sorry for the delay, this is more than I know.", "refusal"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("It is what it is.", "only_stop_words"),
        ("", "empty_output"),
        ("No.", None),
    ],
)
def test_answers_that_are_none(answer: str, reason: str | None) -> None:
    ((row,), _) = run(AnswerEvolutions, answer, {"instruction_id": "000004-1", "instruction": EVOLVED})
    assert (row["reject_reason"], row["output"]) == (reason, answer)
    assert row["stage"] == ("answers" if reason else None)
