"""The demo model's answers in the recipes domain and evolve: in the format asked for, and right."""

from __future__ import annotations

import re
from functools import cache

import pytest
from distilabel.steps.tasks.evol_instruct.utils import MUTATION_TEMPLATES

from distilabel_selfinstruct import AnswerInstructions, DemoLLM, EvolveInstructions, GenerateQueries, JudgeEvolutions
from distilabel_selfinstruct.llms.demo_answers import OTHER_PROMPT
from distilabel_selfinstruct.prompts import render
from distilabel_selfinstruct.steps.documents import ANSWER_COLUMNS, ANSWER_TEMPLATE
from distilabel_selfinstruct.text.evolution import read_evolution

DOCUMENT = (
    "The aorta is the largest artery of the human body. It begins at the left ventricle of the heart. Its branches"
    " carry blood to nearly all organs."
)
ROW = {"document_id": "000000", "title": "Aorta", "document": DOCUMENT}
SAILOR = "Describe the kettle of a sailor."


@cache
def demo(noise: float = 0.0) -> DemoLLM:
    llm = DemoLLM(noise=noise)
    llm.load()
    return llm


def said(prompt: str, noise: float = 0.0) -> str:
    output = demo(noise).generate([[{"role": "user", "content": prompt}]])[0]
    return str(output["generations"][0])


class TestQueries:
    def queries(self, **row: str) -> list[str | None]:
        task = GenerateQueries(llm=demo(), num_instructions=12)
        task.load()
        rows = next(task.process([ROW | row]))
        assert all(each["reject_reason"] is None for each in rows)
        return [each["instruction"] for each in rows]

    def test_as_many_as_asked_for_and_all_different(self) -> None:
        assert len(set(self.queries())) == 12

    def test_every_one_has_an_answer(self) -> None:
        answers = AnswerInstructions(llm=demo(), template=ANSWER_TEMPLATE, columns=ANSWER_COLUMNS)
        answers.load()
        rows = next(answers.process([ROW | {"instruction": query} for query in self.queries()]))
        assert all(each["reject_reason"] is None and each["output"] for each in rows)

    def test_a_passage_without_a_title(self) -> None:
        queries = [query for query in self.queries(title="") if query and '"' in query]
        assert queries
        assert all("the passage" in query for query in queries)

    @pytest.mark.parametrize(
        ("query", "answer"),
        [
            ('Which sentence about Aorta contains the words "left ventricle of the"?',
             "It begins at the left ventricle of the heart."),
            ('Complete the statement on Aorta that begins with "Its branches carry blood".',
             "Its branches carry blood to nearly all organs."),
            ('Which word follows "branches carry blood to" where Aorta is described?', "nearly"),
            ('Count the words of the sentence on Aorta in which "largest artery of the" occurs.', "10"),
            ("Sort these words alphabetically: the, aorta, heart, is, organs.", "aorta, heart, is, organs, the"),
            ("Which of these words has the most letters: the, aorta, ventricle, is, organs?", "ventricle"),
            ("How many letters does the name Aorta have, if spaces and hyphens are left out?", "5"),
        ],
    )  # fmt: skip
    def test_answers(self, query: str, answer: str) -> None:
        assert said(render("document_answer", "chat", instruction=query, **ROW)[0]["content"]) == answer

    def test_without_its_passage_a_query_is_refused(self) -> None:
        query = 'Which word follows "branches carry blood to" where Aorta is described?'
        assert said(query) == "I'm sorry, but I can't say without the passage."
        assert said("Sort these words alphabetically: the, aorta, heart.") == "aorta, heart, the"

    def test_another_query_is_refused(self) -> None:
        assert said(render("document_answer", "chat", instruction="How are you?", **ROW)[0]["content"]) == OTHER_PROMPT


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
