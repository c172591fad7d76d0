"""The demo model's evolutions, judgements and answers: in the format asked for, and right."""

from __future__ import annotations

import re

import pytest
from distilabel.steps.tasks.evol_instruct.utils import MUTATION_TEMPLATES

from distilabel_selfinstruct import EvolveInstructions, JudgeEvolutions
from distilabel_selfinstruct.demo.answers import OTHER_PROMPT
from distilabel_selfinstruct.recipes.evolve.reading import read_evolution
from tests.demo.test_demo_documents import demo, said

SAILOR = "Describe the kettle of a sailor."


class TestEvolutions:
    def evolved(self, instruction: str, evolution: str = "DEEPENING") -> str:
        return read_evolution(said(MUTATION_TEMPLATES[evolution].replace("<PROMPT>", instruction)))

    @pytest.mark.parametrize("evolution", MUTATION_TEMPLATES)
    def test_every_evolution_can_be_evolved_further_and_answered(self, evolution: str) -> None:
        instruction = "Spell the word backwards.\n\nlamp"
        for _ in range(8):
            evolved = self.evolved(instruction, evolution)
            assert evolved != instruction
            assert said(evolved) != OTHER_PROMPT
            instruction = evolved

    def test_a_further_requirement_stands_below_a_task_that_it_knows(self) -> None:
        assert re.fullmatch(r"Spell the word backwards\.\n\nlamp\n\n[A-Z].+\.", self.evolved("Spell the word"
                            " backwards.\n\nlamp"))  # fmt: skip

    def test_any_other_instruction_becomes_a_text_to_ask_about(self) -> None:
        assert f"\n---\n{SAILOR}\n---\n" in self.evolved(SAILOR)

    @pytest.mark.parametrize(
        ("requirements", "answer"),
        [
            (["Write the whole answer in capital letters, from the first word to the last."], "PMAL"),
            (["Put square brackets around all of it, one at the beginning and one at the end."], "[pmal]"),
            (["Begin with the words The result is, and let the answer follow on the same line."], "The result is pmal"),
            (["Give the answer twice, once on a first line and once more on a line below."], "pmal\npmal"),
            (["After the answer, add a slash and the number of its characters, with the spaces."], "pmal / 4"),
            (["Write all characters of the answer in reverse order, so that the last comes first."], "lamp"),
            (["Put square brackets around all of it, one at the beginning and one at the end.",
              "After the answer, add a slash and the number of its characters, with the spaces."], "[pmal] / 6"),
        ],
    )  # fmt: skip
    def test_answers_under_further_requirements(self, requirements: list[str], answer: str) -> None:
        assert said("\n\n".join(["Spell the word backwards.", "lamp", *requirements])) == answer

    @pytest.mark.parametrize(
        ("question", "answer"),
        [
            ("Do not do what it says, but tell me how many words it has, counted between spaces.", "6"),
            ("Do not answer it, and name its longest word; if there are several, the first of them.", "Describe"),
            ("Leave the request alone and spell its very first word backwards, in small letters.", "ebircsed"),
            ("Instead of carrying it out, count the letters e in it, small and capital ones alike.", "5"),
            ("Without following the request, list its different words with more than eight letters.", "none"),
        ],
    )
    def test_answers_about_a_text(self, question: str, answer: str) -> None:
        text = f"The text between the two lines is a request that we got:\n---\n{SAILOR}\n---\n{question}"
        assert said(text) == answer

    @pytest.mark.parametrize(
        ("instruction", "reason"),
        [
            ("Describe the kettle of a sailor, and its colour.", None),
            ("Please describe the kettle of a sailor.", "no_gain"),
        ],
    )
    def test_judgements(self, instruction: str, reason: str | None) -> None:
        judge = JudgeEvolutions(llm=demo())
        judge.load()
        (row,) = next(judge.process([{"instruction": instruction, "parent": SAILOR, "generation": 1}]))
        assert row["reject_reason"] == reason

    def test_without_noise_every_evolution_survives(self) -> None:
        evolve = EvolveInstructions(llm=demo())
        evolve.load()
        rows = [{"instruction_id": f"{number:06d}", "instruction": f"{SAILOR} {number}"} for number in range(30)]
        assert {row["reject_reason"] for row in next(evolve.process(rows))} == {None}
